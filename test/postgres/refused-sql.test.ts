import { type Kysely, sql } from 'kysely';
import { expect, it } from 'vitest';
import type { DB } from '../../src/index.js';
import { failureOf } from '../engine/failure.js';
import { describeOnServer, opened } from './own-server.js';

const run = (kysely: Kysely<DB>, text: string) => sql.raw<object>(text).execute(kysely);

const REFUSED = [
  'create temp table t (id int)',
  'CREATE /* /* nested */ */ LOCAL TEMPORARY TABLE t (id int)',
  'create or replace temp view v as select 1',
  'create table pg_temp.t (id int)',
  'select 1 as a into temp t',
  'select 1 as a into pg_temp.t',
  'drop view pylon_db_job_totals',
  'drop table if exists notes, pylon_db_locks cascade',
  'alter table jobs disable trigger pylon_db_x',
  'truncate only "pylon_db_locks"',
  'with x as (delete from pylon_db_locks returning 1) select * from x',
  'insert into pylon_db_locks select 1',
  'update only pylon_db_locks set id = 1',
  'explain analyze delete from pylon_db_locks',
  'create trigger t after insert on pylon_db_locks for each row execute function f()',
  'create function pylon_db_f() returns int language sql as $$ select 1 $$',
  'select pg_advisory_lock(1)',
  'set search_path = public',
  'reset all',
  'discard all',
  'copy jobs from stdin',
  "COPY jobs (id) FROM STDIN with (format 'csv')",
  'copy (select 1) to stdout',
  'declare c cursor with hold for select 1',
  'DECLARE c NO SCROLL CURSOR /* */ WITH HOLD FOR SELECT 1',
];

const OUTSIDE = [
  'select lastval()',
  'select LASTVAL /* */ ( )',
  "select currval('s')",
  "select currval(pg_get_serial_sequence('notes', 'id'))",
  "select set_config('search_path', 'public', false)",
];

describeOnServer('ad-hoc SQL on a server', (own) => {
  it.each(REFUSED)('is refused on db and in a transaction: %s', async (statement) => {
    const { db } = await own.open();
    const failure = await failureOf(run(db.kysely, statement), 'NOT_SUPPORTED');
    expect(failure.hint).toBeTruthy();
    await db.transaction(async (tx) => {
      await failureOf(run(tx.kysely, statement), 'NOT_SUPPORTED');
    });
  });

  it.each(OUTSIDE)('is refused outside of a transaction: %s', async (statement) => {
    const { db } = await own.open();
    await failureOf(run(db.kysely, statement), 'NOT_SUPPORTED');
  });

  it('asks for the key that was made in a transaction', async () => {
    const { db } = await own.open();
    await run(db.kysely, 'create table notes (id int generated always as identity, t text)');
    await db.transaction(async (tx) => {
      await run(tx.kysely, "insert into notes (t) values ('a'), ('b')");
      expect((await run(tx.kysely, 'select lastval() as id')).rows).toEqual([{ id: 2 }]);
    });
  });

  it('is not refused for texts, comments, names and tables that look like it', async () => {
    const { db } = await own.open();
    for (const statement of [
      'create table temp (temporary int, lastval int, currval text)',
      "insert into temp (temporary, currval) values (1, 'create temp table')",
      'insert into temp values (1)',
      'create table currval (a int)',
      'insert into currval (a) values (1)',
      "select $$ drop view pylon_db_job_totals $$, E'\\' delete from pylon_db_locks', temporary from temp",
      'select "lastval" /* lastval() */ from temp -- lastval()',
      'select count(*) from pylon_db_job_totals',
      'create view mine as select count(*) as n from pylon_db_job_totals',
    ]) {
      await run(db.kysely, statement);
    }
  });

  it.each([
    ['show server_version', 1],
    ['table jobs', 0],
    ['explain delete from jobs', 1],
    ['explain (costs off, verbose) update jobs set kind = 1', 1],
    ['explain analyze select 1', 1],
    ["select 'update', 'delete from jobs'", 1],
    ['select "insert" from (select 1 as "insert") x', 1],
    ['(select 1) union all (select 2)', 2],
    ['with x as (select 1) table x', 1],
    ['; values (1)', 1],
  ])('answers on a readonly open: %s', async (statement, least) => {
    const { url } = await own.open();
    const db = await opened(url, { readonly: true });
    const { rows, numAffectedRows } = await run(db.kysely, statement);
    expect(rows.length).toBeGreaterThanOrEqual(least);
    expect(numAffectedRows).toBeUndefined();
  });

  it.each([
    'drop schema public cascade',
    '/* /* */ */ drop schema public cascade',
    'alter schema public rename to elsewhere',
    'alter table agents set schema other',
    'alter table migrations set schema other',
    'do $$ begin drop table tick_history; end $$',
    'call drops_ticks()',
  ])('leaves no published table behind: %s', async (statement) => {
    const { db, outside } = await own.open();
    await outside.query(
      `create schema other; create procedure drops_ticks() language sql as 'drop table tick_history'`,
    );
    const failure = await failureOf(run(db.kysely, statement), 'NOT_SUPPORTED');
    expect(failure.message).toMatch(/jobs|agents|tick_history|migrations/);
    await failureOf(
      db.transaction((tx) => run(tx.kysely, statement)),
      'NOT_SUPPORTED',
    );
    await db.agents.upsert({ npub: 'a', name: 'A', lifecycle_state: 'active' });
    await db.agents.recordTick('a', { tick_number: 1 });
    expect(await db.jobs.list()).toEqual([]);
  });

  it('changes the schema also where it takes no transaction, and where another program broke it', async () => {
    const { db, outside } = await own.open();
    await run(db.kysely, 'create table notes (id int)');
    await run(db.kysely, 'create index concurrently notes_id on notes (id)');
    await run(db.kysely, 'drop index concurrently notes_id -- returning nothing');
    await run(
      db.kysely,
      `create procedure fills() language plpgsql as $$
        begin insert into notes values (1); commit; insert into notes values (2); commit; end $$`,
    );
    await run(db.kysely, 'call fills()');
    await run(db.kysely, 'vacuum notes');
    expect((await run(db.kysely, 'select id from notes')).rows).toEqual([{ id: 1 }, { id: 2 }]);
    await outside.query('alter table agents alter name drop not null');
    await run(db.kysely, 'alter table notes add column b int');
    await failureOf(run(db.kysely, 'do $$ begin drop table tick_history; end $$'), 'NOT_SUPPORTED');
    expect((await run(db.kysely, 'select b from notes')).rows).toHaveLength(2);
  });

  it.each([
    ['lock table jobs', /db\.transaction/],
    ['declare c cursor for select 1', /db\.transaction/],
    ['fetch next from c', /tx\.kysely/],
  ])('sends %s into a transaction', async (statement, hint) => {
    const { db } = await own.open();
    const failure = await failureOf(run(db.kysely, statement), 'INVALID_ARGUMENT');
    expect(failure).toMatchObject({ field: 'sql', hint: expect.stringMatching(hint) });
    expect(failure.message).not.toContain('SQLSTATE');
    await db.transaction(async (tx) => {
      if (statement.startsWith('fetch')) await run(tx.kysely, 'declare c cursor for select 1');
      await run(tx.kysely, statement);
    });
  });

  it.each(['vacuum jobs', 'create index concurrently i on jobs (kind)', 'call commits()'])(
    'sends %s out of a transaction',
    async (statement) => {
      const { db } = await own.open();
      await run(
        db.kysely,
        'create procedure commits() language plpgsql as $$ begin commit; end $$',
      );
      const call = db.transaction((tx) => run(tx.kysely, statement));
      const failure = await failureOf(call, 'INVALID_ARGUMENT');
      expect(failure).toMatchObject({ field: 'sql', hint: expect.stringMatching(/db\.kysely/) });
      await run(db.kysely, statement);
    },
  );

  it.each([
    'delete from jobs',
    'explain analyze delete from jobs',
    'explain (analyze, verbose) delete from jobs',
    'with x as (delete from jobs returning id) select * from x',
    'select 1 as a into made',
    'select id from jobs for update',
    'create temp table t (id int)',
  ])('is READ_ONLY on a readonly open: %s', async (statement) => {
    const { url } = await own.open();
    const db = await opened(url, { readonly: true });
    await failureOf(run(db.kysely, statement), 'READ_ONLY');
  });
});

describeOnServer('decimals and lists of a server', (own) => {
  it.each([
    ["'12345678901234567890.5'::numeric", '12345678901234567890.5'],
    ['0.1::numeric', 0.1],
    ['1.50::numeric', 1.5],
    ['-0.000000000000000000000000000001::numeric', -1e-30],
    ['12345678901234567000.0::numeric', 12345678901234567000],
    ['9007199254740993.0::numeric', '9007199254740993.0'],
    ['0.1234567890123456::numeric', 0.1234567890123456],
    ['0.12345678901234567::numeric', '0.12345678901234567'],
    ['0.123456789012345678::numeric', '0.123456789012345678'],
    ["'NaN'::numeric", Number.NaN],
    ['9007199254740991::numeric', Number.MAX_SAFE_INTEGER],
    ["'{1,NULL,-9007199254740991}'::int8[]", [1, null, -Number.MAX_SAFE_INTEGER]],
    [
      "'{{1,2},{3,4}}'::int8[]",
      [
        [1, 2],
        [3, 4],
      ],
    ],
    ["'{0.1,12345678901234567890.5,NULL}'::numeric[]", [0.1, '12345678901234567890.5', null]],
    ["'{0.5,1e300}'::float8[]", [0.5, 1e300]],
    [
      `'{"a": [9007199254740991, -0.5, 1e3, 0e9, -0.00000000000000000000], "1234567890123456789": null}'::json`,
      { a: [Number.MAX_SAFE_INTEGER, -0.5, 1000, 0, -0], '1234567890123456789': null },
    ],
    [
      String.raw`'{"b": "12345678901234567890 \\\" 9007199254740993 \\", "c": 0.1234567890123456789}'::jsonb`,
      { b: '12345678901234567890 \\" 9007199254740993 \\', c: '0.1234567890123456789' },
    ],
    ["'[1e400, -1e-400]'::json", ['1e400', '-1e-400']],
    [
      "array['{\"a\": 1.50000000000000000000}', null, '0.12345678901234567']::json[]",
      [{ a: 1.5 }, null, '0.12345678901234567'],
    ],
    ["array[array['[7]'], array['null']]::jsonb[]", [[[7]], [null]]],
  ])('%s is read as %j', async (text, value) => {
    const { db } = await own.open();
    expect((await run(db.kysely, `select ${text} as v`)).rows).toEqual([{ v: value }]);
    await db.transaction(async (tx) => {
      expect((await run(tx.kysely, `select ${text} as v`)).rows).toEqual([{ v: value }]);
    });
  });

  it.each([
    '9007199254740992::numeric',
    "'{1,9007199254740993}'::int8[]",
    "'{9007199254740993}'::numeric[]",
    "'9007199254740993'::json",
    `'{"a": ["x", {"b": -9007199254740993}]}'::jsonb`,
    "array['1', '[12345678901234567890]']::json[]",
    "array['[12345678901234567890]']::jsonb[]",
    '(select jsonb_agg(to_jsonb(x)) from (values (9007199254740993)) as x (y))',
  ])('%s throws OUT_OF_RANGE naming the column', async (text) => {
    const { db } = await own.open();
    const failure = await failureOf(run(db.kysely, `select ${text} as v`), 'OUT_OF_RANGE');
    expect(failure.column).toBe('v');
  });

  it('are stored as they stood when they are read and set back', async () => {
    const { db, outside } = await own.open();
    await run(db.kysely, 'create table prices (p numeric(40, 20))');
    const stored = '12345678901234567890.12345678901234567890';
    await run(db.kysely, `insert into prices values (${stored})`);
    const prices = db.kysely.withTables<{ prices: { p: number | string } }>();
    const { p } = await prices.selectFrom('prices').select('p').executeTakeFirstOrThrow();
    await prices.updateTable('prices').set({ p }).execute();
    expect((await outside.query('select p::text from prices')).rows).toEqual([{ p: stored }]);
  });
});
