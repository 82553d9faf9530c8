import { timeoutError } from './refusals.js';

const EXPIRED = Symbol('expired');

/** The time that all tries of one transaction have together. */
export class Deadline {
  readonly #operation: string;
  readonly #timeoutMs: number | undefined;
  readonly #expired: Promise<typeof EXPIRED>;
  #timer: NodeJS.Timeout | undefined;
  #hasPassed = false;

  /** Begins now; without `timeoutMs` it never passes. */
  constructor(operation: string, timeoutMs: number | undefined) {
    this.#operation = operation;
    this.#timeoutMs = timeoutMs;
    this.#expired = new Promise((resolve) => {
      if (timeoutMs !== undefined) this.#timer = setTimeout(() => resolve(EXPIRED), timeoutMs);
    });
  }

  get hasPassed(): boolean {
    return this.#hasPassed;
  }

  /** Gives what `work` gives; or, when the time is over, waits for `end` and throws `TIMEOUT`. */
  async race<Result>(work: Promise<Result>, end: (how: string) => Promise<void>): Promise<Result> {
    const first = await Promise.race([work, this.#expired]);
    if (first !== EXPIRED) return first;
    this.#hasPassed = true;
    const timeoutMs = this.#timeoutMs ?? 0;
    // Nobody waits for the callback any more.
    work.catch(() => {});
    await end(`was rolled back after ${timeoutMs} ms`);
    throw timeoutError(this.#operation, timeoutMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
