/** Flushes in a row on `nextTick` before one waits for `setImmediate`, so that I/O isn't starved. */
const TICKS_BEFORE_IO = 200;

/**
 * Runs a flush once after the current turn: on `nextTick`, or, to gather more, on `setImmediate`.
 * A loop of awaited calls would keep timers and sockets waiting on `nextTick` alone.
 */
export class FlushScheduler {
  readonly #flush: () => void;
  #scheduled = false;
  #ticks = 0;

  constructor(flush: () => void) {
    this.#flush = () => {
      this.#scheduled = false;
      flush();
    };
  }

  schedule(gather: boolean): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    if (gather || this.#ticks >= TICKS_BEFORE_IO) {
      this.#ticks = 0;
      setImmediate(this.#flush);
    } else {
      this.#ticks += 1;
      process.nextTick(this.#flush);
    }
  }

  /** Runs the flush after a pause; used while another process holds the lock. */
  scheduleIn(delayMs: number): void {
    this.#scheduled = true;
    setTimeout(this.#flush, delayMs);
  }
}
