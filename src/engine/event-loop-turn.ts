/** How long calls in a row may keep timers and sockets waiting, in milliseconds. */
const TURN_BUDGET_MS = 5;

/**
 * Knows when calls that follow each other on microtasks or `nextTick` must let the event loop go
 * on. It looks at the clock, as a call may take a microsecond or a second.
 */
export class EventLoopTurn {
  #since = 0;
  #next: Promise<void> | undefined;

  /** Whether timers and sockets have waited long enough. */
  get isOver(): boolean {
    return performance.now() - this.#since > TURN_BUDGET_MS;
  }

  /** Called from `setImmediate`: timers and sockets had their turn. */
  begin(): void {
    this.#since = performance.now();
  }

  /** Resolves in the next turn of the event loop. */
  next(): Promise<void> {
    this.#next ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#next = undefined;
        this.begin();
        resolve();
      });
    });
    return this.#next;
  }
}
