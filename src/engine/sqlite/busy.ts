import { setTimeout as sleep } from 'node:timers/promises';
import { isBusy, WaitedTooLong } from './sqlite-errors.js';

/** The first pause after a foreign lock; a commit elsewhere takes well under a millisecond. */
const FIRST_PAUSE_MS = 1;

/** The longest pause: a waiter looks again at least this often. */
const LONGEST_PAUSE_MS = 20;

/** Growing pauses between tries, a little random so that waiting processes don't march in step. */
export class Backoff {
  #pauseMs = FIRST_PAUSE_MS;

  next(): number {
    const pause = this.#pauseMs * (0.5 + Math.random());
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
    return pause;
  }

  reset(): void {
    this.#pauseMs = FIRST_PAUSE_MS;
  }
}

/**
 * Calls `attempt` until no other connection is in its way; the event loop runs meanwhile. Throws
 * {@link WaitedTooLong} after `busyTimeoutMs`, and any other error at once.
 */
export async function retryWhileBusy<T>(attempt: () => T, busyTimeoutMs: number): Promise<T> {
  const start = performance.now();
  const backoff = new Backoff();
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error)) throw error;
      const waitedMs = Math.round(performance.now() - start);
      if (waitedMs >= busyTimeoutMs) throw new WaitedTooLong(waitedMs, error);
      await sleep(Math.min(backoff.next(), busyTimeoutMs - waitedMs));
    }
  }
}
