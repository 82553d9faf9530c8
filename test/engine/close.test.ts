import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { ENGINE, testDatabase } from '../database.js';
import { failureOf } from './failure.js';
import { agent, job } from './fresh.js';

describe('db.close', () => {
  it('waits for the calls that were made before it', async () => {
    const { db, value } = await testDatabase();
    const calls = [
      db.jobs.create(job('a')),
      db.transaction(async (tx) => {
        await sleep(20);
        await tx.jobs.create(job('b'));
        return await tx.jobs.list();
      }),
      ...Array.from({ length: 1500 }, (_, i) => db.jobs.create(job(`job ${i}`))),
      db.kysely.updateTable('jobs').set({ kind: 7 }).execute(),
      db.jobs.list(),
      db.earnings.summary(),
    ];
    await db.close();
    const ended = await Promise.allSettled(calls);
    expect(ended.filter(({ status }) => status === 'rejected')).toEqual([]);
    expect(await value('select count(*) from jobs')).toBe(1502);
    // Elsewhere calls of different jobs may overtake each other.
    if (ENGINE === 'sqlite') {
      expect(await value('select count(*) from jobs where kind = 7')).toBe(1502);
    }
  });

  it('waits for calls that ask several times, or load a calendar first', async () => {
    const { db } = await testDatabase();
    const earned_at = Date.UTC(2026, 0, 1) / 1000;
    await db.earnings.record({ id: 'e', amount_msats: 5, source: 'tip', earned_at });
    const calls = [
      db.earnings.rollup({ by: 'day' }),
      db.earnings.rollup({ by: 'day', timeZone: 'Pacific/Auckland' }),
      db.earnings.rollup({ by: 'day', start: earned_at, end: earned_at, timeZone: 'Asia/Tokyo' }),
    ];
    const today = db.earnings.today({ timeZone: 'America/Lima' });
    await db.close();
    for (const buckets of await Promise.all(calls)) {
      expect(buckets.map(({ amount_msats }) => amount_msats)).toEqual([5]);
    }
    expect(await today).toBeGreaterThanOrEqual(0);
    await failureOf(db.earnings.rollup({ by: 'day' }), 'CLOSED');
  });

  it('may be called again, at once or later', async () => {
    const { db } = await testDatabase();
    await Promise.all([db.close(), db.close()]);
    await db.close();
  });

  it('makes every later call throw CLOSED', async () => {
    const { db } = await testDatabase();
    const closing = db.close();
    for (const round of [0, 1]) {
      for (const call of [
        db.jobs.create(job('late')),
        db.jobs.get('late'),
        db.jobs.claimNext(),
        db.earnings.total(),
        db.agents.upsert(agent('late')),
        db.transaction(async () => {}),
        db.kysely.selectFrom('jobs').selectAll().execute(),
        db.kysely.deleteFrom('jobs').execute(),
        db.kysely.transaction().execute(async () => {}),
        sql`select 1`.execute(db.kysely),
      ]) {
        await failureOf(call, 'CLOSED');
      }
      if (round === 0) await closing;
    }
  });

  it('is what `await using` does at the end of its block', async () => {
    const { db: first, open, stored } = await testDatabase();
    await first.close();
    {
      await using db = await open();
      await db.jobs.create(job('a'));
    }
    expect(await stored('select id from jobs')).toEqual([{ id: 'a' }]);
  });

  it('lets the database be opened again in the same process', async () => {
    const { db, open } = await testDatabase();
    await db.jobs.create(job('a'));
    await db.close();
    const again = await open();
    expect(await again.jobs.list()).toHaveLength(1);
    await again.close();
  });
});
