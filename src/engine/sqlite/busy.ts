import { setTimeout as sleep } from 'node:timers/promises';
import { Backoff } from '../backoff.js';
import { isBusy, WaitedTooLong } from './sqlite-errors.js';

/**
 * The longest time between two tries that counts as waited, in milliseconds: more than a pause and
 * a try. After a longer one this process was kept from trying, and nobody knows who had the lock.
 */
const LONGEST_GAP_MS = 50;

/**
 * How long other connections have held the lock, as the tries to take it found it. Time behind
 * our own work doesn't count, and each time the lock is taken all waiting begins anew.
 */
export class LockWait {
  readonly #backoff = new Backoff();
  #heldMs = 0;
  #heldMsWhenTaken = 0;
  #latestTry: number | undefined;

  /** What a caller keeps to ask {@link waitedMs} later. */
  get heldMs(): number {
    return this.#heldMs;
  }

  /** The lock was taken. */
  taken(): void {
    if (this.#latestTry === undefined) return;
    this.#latestTry = undefined;
    this.#heldMsWhenTaken = this.#heldMs;
    this.#backoff.reset();
  }

  /** Another connection has the lock. Gives the pause before the next try, in milliseconds. */
  refused(): number {
    const now = performance.now();
    this.#heldMs += Math.min(now - (this.#latestTry ?? now), LONGEST_GAP_MS);
    this.#latestTry = now;
    return this.#backoff.next();
  }

  /** How long whoever came when {@link heldMs} was `since` has waited for others. */
  waitedMs(since: number): number {
    return Math.round(this.#heldMs - Math.max(since, this.#heldMsWhenTaken));
  }
}

/**
 * Calls `attempt` until no other connection is in its way; the event loop runs meanwhile. Throws
 * {@link WaitedTooLong} after `busyTimeoutMs`, and any other error at once. Who waited with others
 * for the same lock gives their `lock`, and what its `heldMs` was then.
 */
export async function retryWhileBusy<T>(
  attempt: () => T,
  busyTimeoutMs: number,
  lock: LockWait = new LockWait(),
  since: number = lock.heldMs,
): Promise<T> {
  for (;;) {
    try {
      const result = attempt();
      lock.taken();
      return result;
    } catch (error) {
      if (!isBusy(error)) throw error;
      const pause = lock.refused();
      const waitedMs = lock.waitedMs(since);
      if (waitedMs >= busyTimeoutMs) throw new WaitedTooLong(waitedMs, error);
      await sleep(Math.min(pause, busyTimeoutMs - waitedMs));
    }
  }
}
