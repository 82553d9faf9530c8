import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { failureOf } from '../engine/failure.js';
import { job } from '../engine/fresh.js';
import { connected, connection, describeOnServer, opened } from './own-server.js';
import type { PostgresServer } from './server.js';

describeOnServer('a standby', (own) => {
  let standby: PostgresServer | undefined;
  beforeAll(async () => {
    const db = await PylonDb.open(own.server.url());
    await db.jobs.create(job('j'));
    await db.close();
    standby = await own.server.standby();
    const client = await connection(standby.url());
    // It answers from the moment in which it has all that its base backup needs.
    while ((await client.query("select to_regclass('jobs') as there")).rows[0].there === null) {
      await sleep(20);
    }
    await client.end();
  });
  afterAll(() => standby?.stop());

  const url = (isolation: string) =>
    `${standby?.url()}?options=-cdefault_transaction_isolation%3D${isolation}`;

  it.each(['read%5C%20committed', 'serializable'])(
    'of default isolation %s answers reads, and refuses all else as READ_ONLY',
    async (isolation) => {
      for (const options of [{ readonly: true }, {}]) {
        const db = await opened(url(isolation), options);
        expect(await db.jobs.get('j')).toMatchObject({ id: 'j' });
        expect(await db.jobs.countByStatus()).toMatchObject({ pending: 1 });
        expect(await db.earnings.rollup({ by: 'day' })).toEqual([]);
        const { rows } = await sql`select id from jobs`.execute(db.kysely);
        expect(rows).toEqual([{ id: 'j' }]);
        await failureOf(db.jobs.create(job('k')), 'READ_ONLY');
        await failureOf(db.jobs.claimNext(), 'READ_ONLY');
        await failureOf(sql`delete from jobs`.execute(db.kysely), 'READ_ONLY');
        let runs = 0;
        const transaction = db.transaction(async (tx) => {
          runs += 1;
          await tx.jobs.create(job('k'));
        });
        await failureOf(transaction, 'READ_ONLY');
        expect(runs).toBe(0);
      }
    },
  );

  it('whose primary has no tables yet is READ_ONLY at open', async () => {
    const client = await connected(own.server.url());
    await client.query('create database empty');
    const there = await connected(standby?.url() ?? '');
    const known = "select 1 from pg_database where datname = 'empty'";
    while ((await there.query(known)).rows.length === 0) await sleep(20);
    await failureOf(PylonDb.open(standby?.url('empty') ?? ''), 'READ_ONLY');
  });
});
