import { setTimeout as sleep } from 'node:timers/promises';
import { Backoff } from '../backoff.js';
import { isBusy, WaitedTooLong } from './sqlite-errors.js';

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
