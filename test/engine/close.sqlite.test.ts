import { existsSync } from 'node:fs';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { testDatabase } from '../database.js';
import { job } from './fresh.js';

describe('db.close on SQLite', () => {
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
