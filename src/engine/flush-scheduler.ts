import { EventLoopTurn } from './event-loop-turn.js';

/**
 * Runs a flush once after the current turn: on `nextTick`, or, to gather more, on `setImmediate`.
 * A loop of awaited calls would keep timers and sockets waiting on `nextTick` alone, so that
 * `setImmediate` takes over once per turn has lasted long enough.
 */
export class FlushScheduler {
  readonly turn = new EventLoopTurn();
  readonly #flush: () => void;
  readonly #flushInNextTurn: () => void;
  #scheduled = false;

  constructor(flush: () => void) {
    this.#flush = () => {
      this.#scheduled = false;
      flush();
    };
    this.#flushInNextTurn = () => {
      this.turn.begin();
      this.#flush();
    };
  }

  schedule(gather: boolean): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    if (gather || this.turn.isOver) setImmediate(this.#flushInNextTurn);
    else process.nextTick(this.#flush);
  }

  /** Runs the flush after a pause; used while another process holds the lock. */
  scheduleIn(delayMs: number): void {
    this.#scheduled = true;
    setTimeout(this.#flush, delayMs);
  }
}
