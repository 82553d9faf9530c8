import { expect, it } from 'vitest';
import { migrations } from '../../migrations/index.js';
import { PylonDb } from '../../src/index.js';
import { failureOf } from '../engine/failure.js';
import { job } from '../engine/fresh.js';
import { connected, describeOnServer, opened } from './own-server.js';

const NAMES = Object.keys(migrations);

/** The published schema as somebody would make it on a server by hand. */
const BY_HAND = `
  create table jobs (
    id text collate "C" primary key, kind bigint not null, customer_pubkey text not null,
    status text not null check (status in ('pending', 'processing', 'completed', 'failed', 'cancelled')),
    price_msats bigint not null default 0, input_hash text, output_hash text, error_message text,
    started_at bigint not null, completed_at bigint,
    created_at bigint not null default floor(extract(epoch from now()))::bigint);
  create index idx_jobs_status on jobs (status);
  create table earnings (
    id text collate "C" primary key, job_id text collate "C" references jobs (id),
    amount_msats bigint not null, source text not null check (source in ('job', 'tip', 'other')),
    payment_hash text, preimage text,
    earned_at bigint not null default floor(extract(epoch from now()))::bigint);
  insert into jobs (id, kind, customer_pubkey, status, started_at) values ('a', 1, 'c', 'pending', 1);`;

describeOnServer('a schema that was made without a ledger row', (own) => {
  async function byHand(change = ''): Promise<string> {
    const url = await own.freshSchema();
    await (await connected(url)).query(BY_HAND + change);
    return url;
  }

  it('is adopted and completed, and keeps its rows', async () => {
    const url = await byHand();
    const db = await opened(url);
    await db.jobs.create(job('b'));
    expect((await db.jobs.countByStatus()).pending).toBe(2);
    const client = await connected(url);
    const { rows } = await client.query('select name from migrations order by id');
    expect(rows.map(({ name }) => name)).toEqual(NAMES);
    const { rows: indexes } = await client.query(
      "select indexname from pg_indexes where schemaname = current_schema() and indexname like 'idx%'",
    );
    expect(indexes).toHaveLength(8);
  });

  it('is adopted when only the ledger row of a migrated schema is gone', async () => {
    const { url, outside } = await own.open();
    await outside.query("delete from migrations where name = '001_initial_schema'");
    await (await PylonDb.open(url)).close();
    const { rows } = await outside.query('select name from migrations order by name');
    expect(rows.map(({ name }) => name)).toEqual(NAMES);
  });

  it('is adopted once by processes that start together', async () => {
    const url = await byHand();
    const all = await Promise.all(Array.from({ length: 4 }, () => PylonDb.open(url)));
    for (const db of all) await db.close();
    const { rows } = await (await connected(url)).query('select name from migrations order by id');
    expect(rows.map(({ name }) => name)).toEqual(NAMES);
  });

  it.each([
    [
      'a column is of another type',
      'alter table jobs alter kind type integer',
      'column jobs.kind is integer, not INTEGER',
    ],
    [
      'a key is compared by the locale',
      'alter table jobs alter id type text collate "default"',
      'jobs.id',
    ],
    ['a table is a view', 'create view agents as select 1 as npub', 'table agents is of type view'],
    [
      'an index has another column',
      'create index idx_earnings_job on earnings (source)',
      'index idx_earnings_job is on earnings(source)',
    ],
  ])('is refused and left alone when %s', async (_, change, problem) => {
    const url = await byHand(
      change.replace(
        'alter table jobs alter id',
        'alter table earnings drop constraint earnings_job_id_fkey; alter table jobs alter id',
      ),
    );
    const error = await failureOf(PylonDb.open(url), 'SCHEMA_MISMATCH');
    expect(error.message).toContain(problem);
    const { rows } = await (await connected(url)).query(
      "select to_regclass('migrations') as ledger",
    );
    expect(rows).toEqual([{ ledger: null }]);
  });

  it('is pending for readonly and migrate: false', async () => {
    const url = await byHand();
    for (const options of [{ readonly: true }, { migrate: false }]) {
      const error = await failureOf(PylonDb.open(url, options), 'SCHEMA_MISMATCH');
      expect(error.pending).toEqual(NAMES);
    }
  });
});
