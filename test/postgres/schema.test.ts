import { sql } from 'kysely';
import type pg from 'pg';
import { expect, it } from 'vitest';
import { migrations } from '../../migrations/index.js';
import { PylonDb } from '../../src/index.js';
import { failureOf } from '../engine/failure.js';
import { agent, job } from '../engine/fresh.js';
import { connected, describeOnServer, opened } from './own-server.js';

/** Every table, view and index of a schema with its columns, and the rows of its ledger. */
async function picture(outside: pg.Client): Promise<string> {
  const { rows } = await outside.query<{ line: string }>(`
    select c.relname || ' ' || c.relkind::text || ' ' || coalesce(string_agg(
      a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' order by a.attnum), '') as line
    from pg_class c left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
    where c.relnamespace = current_schema()::regnamespace
    group by c.oid, c.relname, c.relkind order by c.relname`);
  const hasLedger = rows.some(({ line }) => line.startsWith('migrations r'));
  const ledger = hasLedger ? (await outside.query('select * from migrations')).rows : [];
  return JSON.stringify([rows, ledger], null, 1);
}

/** What another program may have done to a schema, and what is reported of it. */
const FOREIGN: readonly (readonly [string, string, string])[] = [
  [
    'a newer pylon-db',
    "insert into migrations (name) values ('999_pylon_db_unheard_of')",
    'migration 999_pylon_db_unheard_of is applied, but unknown here',
  ],
  [
    'a missing column',
    'alter table earnings drop column preimage',
    'column earnings.preimage is missing',
  ],
  ['a missing table', 'drop table tick_history', 'table tick_history is missing'],
  [
    'a column of another type',
    'alter table agents alter column npub type varchar(63)',
    'column agents.npub is CHARACTER VARYING, not TEXT',
  ],
  [
    'a column of 32 bits',
    'alter table earnings alter column amount_msats type integer',
    'column earnings.amount_msats is a 32-bit integer, not INTEGER',
  ],
];

/** Schemas that were never ours. */
const ANOTHERS: readonly (readonly [string, string, string])[] = [
  [
    'a ledger of other columns',
    'create table migrations (version bigint primary key, dirty boolean)',
    'column migrations.name is missing',
  ],
  [
    'a ledger with other names',
    `create table migrations (id bigint, name text, applied_at bigint);
     insert into migrations values (1, 'CreateUsers', 0)`,
    'migration CreateUsers is applied',
  ],
  [
    'a table of jobs next to a ledger',
    `create table migrations (id bigint, name text, applied_at bigint);
     create table jobs (id text)`,
    'column jobs.status is missing',
  ],
];

describeOnServer('a schema on a server', (own) => {
  it.each(FOREIGN)('of %s is refused, unchanged', async (_, change, problem) => {
    const { url, db, outside } = await own.open();
    await db.close();
    await outside.query('drop view pylon_db_paid_jobs, pylon_db_earning_totals');
    await outside.query(change);
    const before = await picture(outside);
    const migrations = { '002_service': async () => ({ up: async () => {} }) };
    for (const options of [{}, { migrations }, { readonly: true }, { migrate: false }]) {
      const { problems } = await failureOf(PylonDb.open(url, options), 'SCHEMA_MISMATCH');
      expect(problems).toContain(problem);
    }
    expect(await picture(outside)).toBe(before);
  });

  it.each(ANOTHERS)(
    'with %s of another program is refused, unchanged',
    async (_, make, problem) => {
      const url = await own.freshSchema();
      const outside = await connected(url);
      await outside.query(make);
      const before = await picture(outside);
      for (const options of [{}, { readonly: true }, { migrate: false }]) {
        const { problems } = await failureOf(PylonDb.open(url, options), 'SCHEMA_MISMATCH');
        expect(problems).toContain(problem);
      }
      expect(await picture(outside)).toBe(before);
    },
  );

  it('that is empty is not migrated with readonly, nor with migrate: false', async () => {
    const url = await own.freshSchema();
    const outside = await connected(url);
    for (const options of [{ readonly: true }, { migrate: false }]) {
      const { pending } = await failureOf(PylonDb.open(url, options), 'SCHEMA_MISMATCH');
      expect(pending).toEqual(Object.keys(migrations));
    }
    expect(await picture(outside)).toBe(JSON.stringify([[], []], null, 1));
  });

  it('keeps the tables of other programs next to ours', async () => {
    const url = await own.freshSchema();
    const outside = await connected(url);
    await outside.query('create table users (id int); insert into users values (7)');
    const db = await opened(url);
    await db.jobs.create(job('j'));
    expect((await outside.query('select id from users')).rows).toEqual([{ id: 7 }]);
  });

  it('opened readonly is not written to by any call', async () => {
    const { url, db, outside } = await own.open();
    await db.agents.upsert(agent('a'));
    await db.jobs.create(job('j'));
    await outside.query(`create function sneak() returns text language plpgsql as
      $$ begin update agents set name = 'changed'; return 'done'; end $$`);
    const reader = await opened(url, { readonly: true });
    const writes: readonly (() => Promise<unknown>)[] = [
      () => reader.agents.recordTick('a', { tick_number: 1 }),
      () => reader.jobs.claimNext(),
      () => reader.transaction(async (tx) => await tx.agents.delete('a')),
      () => reader.kysely.updateTable('agents').set({ name: 'changed' }).execute(),
      () =>
        sql`with gone as (delete from jobs returning id) select id from gone`.execute(
          reader.kysely,
        ),
      () => sql`create table sneaked (id int)`.execute(reader.kysely),
      // The client can't know what a function does; the server does.
      () => sql`select sneak()`.execute(reader.kysely),
    ];
    for (const write of writes) await failureOf(write(), 'READ_ONLY');
    expect(await db.agents.get('a')).toMatchObject({ name: 'An agent', tick_count: 0 });
    expect(await db.jobs.listByStatus('pending')).toHaveLength(1);
    expect(await reader.agents.listAll()).toHaveLength(1);
  });

  it('is not written to by a role that may only read', async () => {
    const { url, db, outside } = await own.open();
    await db.agents.upsert(agent('a'));
    await outside.query(`drop role if exists reads; create role reads login;
      do $$ begin execute format('grant usage on schema %I to reads', current_schema());
        execute format('grant select on all tables in schema %I to reads', current_schema()); end $$`);
    const reader = await opened(url.replace('//postgres@', '//reads@'));
    expect(await reader.agents.listAll()).toHaveLength(1);
    await failureOf(reader.agents.recordTick('a', { tick_number: 1 }), 'READ_ONLY');
    expect((await db.agents.get('a'))?.tick_count).toBe(0);
    await outside.query('drop owned by reads');
  });
});
