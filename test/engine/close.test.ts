import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { failureOf } from './failure.js';
import { agent, job, openFresh } from './fresh.js';
import { readOutside, valueOutside } from './outside.js';

describe('db.close', () => {
  it('waits for the calls that were made before it', async () => {
    const db = await openFresh();
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
    expect(valueOutside(db.path, 'select count(*) from jobs where kind = 7')).toBe(1502);
  });

  it('leaves one file, without its sidecars', async () => {
    const db = await openFresh();
    await db.jobs.create(job('a'));
    expect(existsSync(`${db.path}-wal`)).toBe(true);
    await db.close();
    expect([existsSync(`${db.path}-wal`), existsSync(`${db.path}-shm`)]).toEqual([false, false]);
    expect(readOutside(db.path, 'select id from jobs')).toEqual([{ id: 'a' }]);
  });

  it('may be called again, at once or later', async () => {
    const db = await openFresh();
    await Promise.all([db.close(), db.close()]);
    await db.close();
  });

  it('makes every later call throw CLOSED', async () => {
    const db = await openFresh();
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
    const outside = await openFresh();
    {
      await using db = await PylonDb.open(outside.path);
      await db.jobs.create(job('a'));
    }
    expect(readOutside(outside.path, 'select id from jobs')).toEqual([{ id: 'a' }]);
  });

  it('lets the file be opened again in the same process', async () => {
    const db = await openFresh();
    await db.jobs.create(job('a'));
    await db.close();
    const again = await PylonDb.open(db.path);
    expect(await again.jobs.list()).toHaveLength(1);
    await again.close();
  });

  it('waits for a WITH that writes, in memory too', async () => {
    const db = await PylonDb.openInMemory();
    const writing = sql`with new (id) as (values ('a'))
      insert into jobs (id, kind, customer_pubkey, status, started_at)
      select id, 1, 'c', 'pending', 1 from new`.execute(db.kysely);
    await Promise.all([db.close(), writing]);
  });
});
