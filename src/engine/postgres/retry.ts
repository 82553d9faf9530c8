import { setTimeout as sleep } from 'node:timers/promises';
import { Backoff } from '../backoff.js';
import { ConflictedTooLong, isConflict, isStale } from './failures.js';

/** The longest pause between tries, in ms: a conflicting transaction is over by then, mostly. */
const LONGEST_PAUSE_MS = 100;

/** Tries with statements prepared anew: each connection of a pool may have to do it once. */
const STALE_AT_MOST = 20;

/**
 * Calls `attempt` until no other transaction stands in its way; each try must leave nothing behind.
 * Throws {@link ConflictedTooLong} after `limitMs`, and any other error at once.
 */
export async function retryConflicts<Result>(
  attempt: () => Promise<Result>,
  limitMs: number,
): Promise<Result> {
  const start = performance.now();
  const backoff = new Backoff(LONGEST_PAUSE_MS);
  let stale = 0;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (isStale(error) && stale++ < STALE_AT_MOST) continue;
      if (!isConflict(error)) throw error;
      const waitedMs = Math.round(performance.now() - start);
      if (waitedMs >= limitMs) throw new ConflictedTooLong(waitedMs, error);
      await sleep(Math.min(backoff.next(), limitMs - waitedMs));
    }
  }
}
