import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { type Kysely, sql } from 'kysely';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type DB, PylonDb } from '../../src/index.js';
import { failureOf, rejection } from './failure.js';
import { job, openFresh } from './fresh.js';
import { readOutside } from './outside.js';

const run = (kysely: Kysely<DB>, text: string) => sql.raw<object>(text).execute(kysely);

/** A setting as the connection that reads has it; `pragma x` asks the one that writes. */
async function settings(db: PylonDb): Promise<string> {
  const all = [];
  for (const name of SETTINGS) {
    all.push((await run(db.kysely, `select * from pragma_${name}`)).rows);
    all.push((await run(db.kysely, `pragma ${name}`)).rows);
  }
  return JSON.stringify(all);
}

const SETTINGS = [
  ...['foreign_keys', 'ignore_check_constraints', 'query_only', 'synchronous', 'locking_mode'],
  ...['recursive_triggers', 'writable_schema', 'user_version', 'journal_mode', 'temp_store'],
  ...['application_id', 'trusted_schema', 'cell_size_check', 'secure_delete', 'cache_size'],
];

const READING = [
  ...['table_info(jobs)', "table_xinfo('jobs')", 'table_list', 'table_list(jobs)'],
  ...['index_list(jobs)', 'index_info(pylon_db_jobs_status_created)', 'foreign_key_list(earnings)'],
  ...['foreign_key_check', 'foreign_key_check(earnings)', 'integrity_check', 'integrity_check(5)'],
  ...['quick_check', 'compile_options', 'schema_version', 'user_version', 'journal_mode'],
  ...['main.table_info(jobs)', '"main" . "user_version"', '[page_size]', "'encoding'"],
];

describe('a PRAGMA that reads', () => {
  it.each(READING)('is answered on every open and in a transaction: %s', async (pragma) => {
    const db = await openFresh();
    const readonly = await PylonDb.open(db.path, { readonly: true });
    onTestFinished(() => readonly.close());
    const answer = await run(db.kysely, `pragma ${pragma}`);
    expect(await run(readonly.kysely, `PRAGMA/* */ ${pragma};`)).toEqual(answer);
    expect(answer).not.toHaveProperty('numAffectedRows');
    await db.transaction(async (tx) => {
      expect(await run(tx.kysely, `pragma ${pragma}`)).toEqual(answer);
    });
    const memory = await PylonDb.openInMemory();
    onTestFinished(() => memory.close());
    expect((await run(memory.kysely, `pragma ${pragma}`)).rows).toBeInstanceOf(Array);
  });
});

describe('a PRAGMA that sets', () => {
  it.each([
    'foreign_keys = off',
    'foreign_keys(off)',
    'FOREIGN_KEYS=0',
    'main.foreign_keys = off',
    '"foreign_keys" = off',
    'ignore_check_constraints = on',
    'query_only = on',
    'query_only(1)',
    'synchronous = off',
    'locking_mode = exclusive',
    'recursive_triggers = on',
    'writable_schema = on',
    'user_version = 5',
    'user_version(5)',
    'journal_mode = delete',
    'journal_mode(memory)',
    'case_sensitive_like = on',
    'wal_checkpoint',
    'wal_checkpoint(truncate)',
    'optimize',
    'incremental_vacuum',
    'shrink_memory',
    'schema_version = 1',
    'no_such_pragma',
    'table_info = jobs',
  ])('is refused with a hint, whatever stands before it: %s', async (pragma) => {
    const db = await openFresh();
    const before = await settings(db);
    for (const prefix of [
      'pragma',
      ' ; /* a */ PrAgMa -- b\n',
      'explain pragma',
      'explain query plan pragma',
    ]) {
      const failure = await failureOf(run(db.kysely, `${prefix} ${pragma}`), 'NOT_SUPPORTED');
      expect(failure.hint).toBeTruthy();
      await db.transaction(async (tx) => {
        await failureOf(run(tx.kysely, `${prefix} ${pragma}`), 'NOT_SUPPORTED');
      });
    }
    expect(await settings(db)).toBe(before);
  });

  it('never gets through, however it is written', async () => {
    const db = await openFresh();
    const before = await settings(db);
    const blank = fc.constantFrom(' ', '\n\t', '/* ; */', '-- x\n', '\ufeff');
    const text = fc
      .tuple(
        fc.constantFrom('', 'explain', 'explain query plan', ';', 'begin;', 'select 1;'),
        blank,
        fc.constantFrom('pragma', 'PRAGMA', 'Pragma'),
        blank,
        fc.constantFrom('', 'main.', '"main" .', 'temp.'),
        fc.constantFrom(
          ...SETTINGS.flatMap((name) => [name, `"${name}"`, `[${name}]`, `'${name}'`]),
        ),
        blank,
        fc.constantFrom(
          '',
          '= 1',
          '=off',
          '(1)',
          "('memory')",
          '= exclusive',
          '(2);',
          "= 'off' -- )",
        ),
      )
      .map((parts) => parts.join(''));
    await fc.assert(
      fc.asyncProperty(text, async (statement) => {
        await run(db.kysely, statement).catch(() => undefined);
        expect(await settings(db), statement).toBe(before);
      }),
      { numRuns: 150 },
    );
  });

  it('is not what a table-valued pragma does, with any argument', async () => {
    const db = await PylonDb.openInMemory();
    onTestFinished(() => db.close());
    const before = await settings(db);
    const { rows } = await sql<{ name: string }>`pragma pragma_list`.execute(db.kysely);
    expect(rows.length).toBeGreaterThan(50);
    for (const { name } of rows) {
      for (const argument of ['', "('1')", "('off')", "('jobs', 'main')"]) {
        await run(db.kysely, `select * from pragma_${name}${argument}`).catch(() => undefined);
      }
    }
    expect(await settings(db)).toBe(before);
    for (const name of ['pragma_optimize', '[pragma_optimize] (1)', 'main."PRAGMA_optimize"']) {
      await failureOf(run(db.kysely, `select * from ${name}`), 'NOT_SUPPORTED');
    }
    expect((await run(db.kysely, "select 'pragma_optimize' as a")).rows).toHaveLength(1);
  });
});

const TEMPORARY = [
  'create temp table t (id integer)',
  'CREATE /* */ TEMPORARY TABLE if not exists t (id integer)',
  'create temp view v as select 1',
  'create temp trigger tr after insert on jobs begin select 1; end',
  'create table temp.t (id integer)',
  'create table if not exists "temp" . t as select 1',
  "create view 'temp'.v as select 1",
  'create index temp.i on jobs (id)',
];

describe('a TEMP object', () => {
  it.each(TEMPORARY)('is refused: %s', async (statement) => {
    const db = await openFresh();
    const failure = await failureOf(run(db.kysely, statement), 'NOT_SUPPORTED');
    expect(failure.message).toContain('TEMP');
    await db.transaction(async (tx) => {
      await failureOf(run(tx.kysely, statement), 'NOT_SUPPORTED');
    });
  });

  it('is refused to the schema builder too', async () => {
    const db = await openFresh();
    const create = db.kysely.schema.createTable('t').temporary().addColumn('id', 'integer');
    await failureOf(create.execute(), 'NOT_SUPPORTED');
  });
});

const OURS = [
  'drop table pylon_db_job_totals',
  'DROP TABLE IF EXISTS main.pylon_db_job_totals',
  'drop index pylon_db_jobs_status_created',
  'drop trigger "pylon_db_jobs_after_insert"',
  'alter table pylon_db_job_totals rename to mine',
  'alter table [pylon_db_job_totals] add column x',
  'create trigger t after insert on pylon_db_job_totals begin select 1; end',
  'create trigger t after insert on jobs begin delete from pylon_db_job_totals; end',
  'create index i on `pylon_db_job_totals` (count)',
  'create table pylon_db_mine (id integer)',
  'create view if not exists pylon_db_mine as select 1',
  "insert into 'pylon_db_job_totals' (status, count) values ('x', 1)",
  'insert or replace into main . pylon_db_job_totals values (1, 2)',
  'replace into pylon_db_job_totals values (1, 2)',
  'update pylon_db_job_totals set count = 0',
  'update or ignore PYLON_DB_JOB_TOTALS set count = 0',
  'update main.pylon_db_job_totals set count = 0',
  'delete from pylon_db_job_totals',
  'delete/**/from--\npylon_db_job_totals',
  'with x as (select 1) delete from pylon_db_job_totals',
  'with x as (select 1) update pylon_db_job_totals set count = 0 returning *',
];

/** Everything that the file holds, but for rows of tables of the caller's own. */
const schemaOf = (path: string) =>
  readOutside(path, 'select name, sql from sqlite_master order by 1');

describe('an object of ours', () => {
  it.each(OURS)('is not changed: %s', async (statement) => {
    const db = await openFresh();
    await db.jobs.create(job('a'));
    const before = [schemaOf(db.path), readOutside(db.path, 'select * from pylon_db_job_totals')];
    const failure = await failureOf(run(db.kysely, statement), 'NOT_SUPPORTED');
    expect(failure.message).toMatch(/pylon_db_/i);
    await db.transaction(async (tx) => {
      await failureOf(run(tx.kysely, statement), 'NOT_SUPPORTED');
    });
    expect([schemaOf(db.path), readOutside(db.path, 'select * from pylon_db_job_totals')]).toEqual(
      before,
    );
  });

  it('is read, named and counted by', async () => {
    const db = await openFresh();
    await run(db.kysely, 'create table notes (id integer primary key, text text)');
    for (const statement of [
      'select * from pylon_db_job_totals',
      "select 'drop table pylon_db_job_totals' as s",
      "insert into notes (text) values ('delete from pylon_db_job_totals')",
      "update notes set text = 'pylon_db_job_totals' where text in (select status from pylon_db_job_totals)",
      "delete from notes where text = 'pylon_db_x'",
      'explain delete from pylon_db_job_totals',
      'insert into notes (text) select status from pylon_db_job_totals /* update pylon_db_x */',
      'create view v as select n.id from notes n join pylon_db_job_totals on pylon_db_job_totals.status = n.text',
      'pragma table_info(pylon_db_job_totals)',
    ]) {
      await run(db.kysely, statement);
    }
  });
});

describe('what a connection counts for itself', () => {
  it.each([
    'select last_insert_rowid()',
    'select CHANGES ( )',
    'select total_changes/* */()',
    'select "changes"()',
    'select `changes` (*)',
    'select 1 where changes(distinct) > 0',
    'update jobs set kind = last_insert_rowid()',
    'create table t as select changes() as c',
  ])('is refused outside of a transaction: %s', async (statement) => {
    const db = await openFresh();
    const failure = await failureOf(run(db.kysely, statement), 'NOT_SUPPORTED');
    expect(failure.hint).toMatch(/RETURNING/);
  });

  it('is answered in a transaction, which has one connection', async () => {
    const db = await openFresh();
    await run(db.kysely, 'create table notes (id integer primary key, text text)');
    await db.transaction(async (tx) => {
      await run(tx.kysely, "insert into notes values (41, 'a'), (42, 'b')");
      const { rows } = await run(tx.kysely, 'select last_insert_rowid() as id, changes() as n');
      expect(rows).toEqual([{ id: 42, n: 2 }]);
    });
  });

  it('is not taken for a table, a column, a text or a trigger', async () => {
    const db = await openFresh();
    for (const statement of [
      'create table changes (last_insert_rowid integer, total_changes text)',
      "insert into changes (last_insert_rowid, total_changes) values (1, 'changes()')",
      'select changes.total_changes, "last_insert_rowid" from changes -- changes()',
      'with changes(n) as (values (1)), total_changes (m) as (values (2)) select * from changes, total_changes',
      'create table refers (id integer references changes (last_insert_rowid))',
      'create trigger t after insert on changes begin update changes set total_changes = last_insert_rowid(); end',
    ]) {
      await run(db.kysely, statement);
    }
    expect(readOutside(db.path, 'select * from changes')).toEqual([
      { last_insert_rowid: 1, total_changes: 'changes()' },
    ]);
  });
});

describe('a readonly open', () => {
  it.each([
    'explain delete from jobs',
    "explain query plan insert into jobs (id) values ('a')",
    "select 'update'",
    'select "insert" from (select 1 as "insert")',
    'with x as (select 1) select * from x',
    'values (1)',
  ])('answers %s', async (statement) => {
    const { path } = await openFresh();
    const db = await PylonDb.open(path, { readonly: true });
    onTestFinished(() => db.close());
    const answer = await run(db.kysely, statement);
    expect(answer.rows.length).toBeGreaterThan(0);
    expect(answer).not.toHaveProperty('numAffectedRows');
  });

  it.each([
    'delete from jobs',
    'vacuum',
    'pragma user_version = 5',
    'begin',
    'create temp table t (x)',
  ])('refuses %s with READ_ONLY', async (statement) => {
    const { path } = await openFresh();
    const db = await PylonDb.open(path, { readonly: true });
    onTestFinished(() => db.close());
    await failureOf(run(db.kysely, statement), 'READ_ONLY');
  });
});

describe('EXPLAIN', () => {
  it('runs nothing, on db and in a transaction', async () => {
    const db = await openFresh();
    await db.jobs.create(job('a'));
    await db.kysely.deleteFrom('jobs').explain();
    await db.transaction(async (tx) => void (await tx.kysely.deleteFrom('jobs').explain()));
    expect(readOutside(db.path, 'select id from jobs')).toEqual([{ id: 'a' }]);
  });
});

it('VACUUM INTO is refused, and writes no file: anybody could read it', async () => {
  const db = await openFresh();
  const copy = `${db.path}.copy`;
  const failure = await failureOf(run(db.kysely, `vacuum into '${copy}'`), 'NOT_SUPPORTED');
  expect(failure.hint).toContain('db.backup');
  expect(existsSync(copy)).toBe(false);
});

describe('a refusal', () => {
  it('keeps a database usable, and says the same a second time', async () => {
    const db = await openFresh();
    const first = await rejection(run(db.kysely, 'attach ":memory:" as m'));
    const second = await rejection(run(db.kysely, 'attach ":memory:" as m'));
    expect(second).toEqual(first);
    expect((await failureOf(run(db.kysely, 'detach m'), 'NOT_SUPPORTED')).hint).toMatch(
      /other file/,
    );
    await db.jobs.create(job('a'));
  });
});
