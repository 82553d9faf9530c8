/** The first pause after a conflict; a commit elsewhere takes well under a millisecond. */
const FIRST_PAUSE_MS = 1;

/** The longest pause: a waiter looks again at least this often. */
const LONGEST_PAUSE_MS = 20;

/** Growing pauses between tries, a little random so that waiting processes don't march in step. */
export class Backoff {
  readonly #longestMs: number;
  #pauseMs = FIRST_PAUSE_MS;

  constructor(longestMs: number = LONGEST_PAUSE_MS) {
    this.#longestMs = longestMs;
  }

  next(): number {
    const pause = this.#pauseMs * (0.5 + Math.random());
    this.#pauseMs = Math.min(this.#pauseMs * 2, this.#longestMs);
    return pause;
  }

  reset(): void {
    this.#pauseMs = FIRST_PAUSE_MS;
  }
}
