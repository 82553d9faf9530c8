import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { testDatabase } from '../database.js';
import { job } from './fresh.js';

describe('db.close on SQLite', () => {
  it('waits for the calls that were made before it, each in its place', async () => {
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
    expect(await value('select count(*) from jobs where kind = 7')).toBe(1502);
  });

  it('leaves one file, without its sidecars', async () => {
    const { db, stored } = await testDatabase();
    await db.jobs.create(job('a'));
    expect(existsSync(`${db.path}-wal`)).toBe(true);
    await db.close();
    expect([existsSync(`${db.path}-wal`), existsSync(`${db.path}-shm`)]).toEqual([false, false]);
    expect(await stored('select id from jobs')).toEqual([{ id: 'a' }]);
  });

  it('waits for a WITH that writes, in memory too', async () => {
    const db = await PylonDb.openInMemory();
    const writing = sql`with new (id) as (values ('a'))
      insert into jobs (id, kind, customer_pubkey, status, started_at)
      select id, 1, 'c', 'pending', 1 from new`.execute(db.kysely);
    await Promise.all([db.close(), writing]);
  });
});
