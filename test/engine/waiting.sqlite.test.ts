import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LockWait } from '../../src/engine/sqlite/busy.js';
import { testDatabase } from '../database.js';
import { failureOf } from './failure.js';
import { job } from './fresh.js';

/** How long a write waits for others here; its own queue takes longer. */
const BUSY_MS = 500;
const OWN_MS = 2 * BUSY_MS;

/** Long enough for several tries to take the lock. */
const MOMENT_MS = 30;

/** A connection of another program. */
function another(path: string): Database.Database {
  const db = new Database(path);
  onTestFinished(() => {
    db.close();
  });
  return db;
}

describe('waiting for another program', () => {
  it('is not what waiting behind our own transactions is', async () => {
    const { db, url, stored } = await testDatabase({ busyTimeoutMs: BUSY_MS });
    const other = another(url);
    other.exec('begin immediate');
    const first = db.jobs.create(job('first'));
    const transaction = db.transaction(() => sleep(OWN_MS));
    const write = db.jobs.create(job('a'));
    const later = db.transaction((tx) => tx.jobs.create(job('b')));
    await sleep(MOMENT_MS);
    other.exec('commit');

    await Promise.all([first, transaction]);
    // Before the queue goes on: its next try finds the lock taken.
    other.exec('begin immediate');
    await sleep(MOMENT_MS);
    other.exec('commit');
    await Promise.all([write, later]);
    expect(await stored('select id from jobs order by id')).toEqual(
      ['a', 'b', 'first'].map((id) => ({ id })),
    );
  });

  it('ends all that waited with it, naming how long', async () => {
    const { db, url } = await testDatabase({ busyTimeoutMs: MOMENT_MS });
    const other = another(url);
    other.exec('begin immediate');
    const calls = [
      ...[1, 2, 3].map((i) => db.jobs.create(job(`${i}`))),
      ...[4, 5, 6].map((i) => db.transaction((tx) => tx.jobs.create(job(`${i}`)))),
      db.jobs.create(job('7')),
    ];
    const failures = await Promise.all(calls.map((call) => failureOf(call, 'BUSY')));
    for (const { waitedMs } of failures) {
      expect(waitedMs).toBeGreaterThanOrEqual(MOMENT_MS);
    }
    other.exec('commit');
    await db.jobs.create(job('after'));
  });

  it('counts no time in which this process could not try', () => {
    const lock = new LockWait();
    lock.refused();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_MS);
    lock.refused();
    expect(lock.waitedMs(0)).toBeLessThan(BUSY_MS);
  });

  it('begins anew when the lock was taken', async () => {
    const lock = new LockWait();
    for (let i = 0; i < 3; i++) {
      lock.refused();
      await sleep(MOMENT_MS);
    }
    const since = lock.heldMs;
    expect(since).toBeGreaterThan(0);
    expect(lock.waitedMs(0)).toBe(Math.round(since));
    lock.taken();
    expect(lock.waitedMs(0)).toBe(0);
    lock.refused();
    expect(lock.waitedMs(since)).toBe(0);
  });
});
