import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { migrations } from '../../migrations/index.js';
import { PylonDb } from '../../src/index.js';
import { failureOf } from '../engine/failure.js';
import { readOutside, valueOutside, writeOutside } from '../engine/outside.js';
import { temporaryFolder } from '../temporary.js';
import { publishedSql } from './published.js';
import { normalised } from './schema-of.js';

/** SPEC.md's statements, one by one. */
const STATEMENTS = publishedSql()
  .split(/;\s*(?:\n|$)/)
  .map((text) => text.trim())
  .filter((text) => text !== '');

const ROW = `insert into jobs (id, kind, customer_pubkey, status, started_at)
  values ('a', 1, 'c', 'pending', 1);`;

let path: string;

beforeEach(() => {
  path = join(temporaryFolder(), 'pylon.db');
});

/** The published objects as text that is equal for equal ones. */
function published(): unknown[] {
  const rows = readOutside(
    path,
    `select name, sql from sqlite_master where name not like 'pylon%' and name not like 'sqlite%' order by name`,
  ) as { name: string; sql: string }[];
  return rows.map(({ name, sql }) => `${name}: ${normalised(sql)}`);
}

const ALL = (() => {
  const names = STATEMENTS.map((text) => /create (?:table|index) (\w+)/i.exec(text)?.[1] ?? '');
  const sql = STATEMENTS.map((text) => normalised(text.replace(/\s+/g, ' ')));
  return names.map((name, i) => `${name}: ${sql[i]}`).sort();
})();

async function expectAdopted(): Promise<void> {
  const db = await PylonDb.open(path);
  await db.jobs.create({ id: 'new', kind: 1, customer_pubkey: 'c' });
  expect((await db.jobs.countByStatus()).pending).toBe(
    Number(valueOutside(path, 'select count(*) from jobs')),
  );
  await db.close();
  expect(published().sort()).toEqual(ALL);
  const names = readOutside(path, 'select name from migrations order by id');
  expect(names).toEqual(expect.arrayContaining(Object.keys(migrations).map((name) => ({ name }))));
  await (await PylonDb.open(path, { migrate: false })).close();
}

describe("a file of SPEC's SQL is adopted", () => {
  it('without a row in its ledger', async () => {
    writeOutside(path, `${publishedSql()}; ${ROW}`);
    await expectAdopted();
    expect(valueOutside(path, "select count(*) from jobs where id = 'a'")).toBe(1);
  });

  it('without a ledger', async () => {
    writeOutside(path, `${publishedSql()}; ${ROW} drop table migrations;`);
    await expectAdopted();
    expect(valueOutside(path, "select count(*) from jobs where id = 'a'")).toBe(1);
  });

  it('with columns, tables and ledger rows that others added', async () => {
    writeOutside(
      path,
      `${publishedSql()}; create table invoices (id text); insert into migrations (name) values ('002_invoices');
       alter table jobs add column priority integer default 0;`,
    );
    const db = await PylonDb.open(path);
    await db.close();
    expect(valueOutside(path, 'select count(*) from invoices')).toBe(0);
    expect(readOutside(path, 'select priority from jobs')).toEqual([]);
  });

  it('that has only a ledger, also one with fewer rules', async () => {
    writeOutside(
      path,
      'create table migrations (id integer primary key, name text, applied_at integer)',
    );
    await (await PylonDb.open(path)).close();
    expect(valueOutside(path, 'select count(*) from jobs')).toBe(0);
  });

  it.each(STATEMENTS.map((_, made) => made + 1))('after %i of its statements', async (made) => {
    writeOutside(path, STATEMENTS.slice(0, made).join(';\n'));
    await expectAdopted();
  });

  it('and is as after our own migrations', async () => {
    writeOutside(path, publishedSql());
    await expectAdopted();
    const own = join(temporaryFolder(), 'own.db');
    await (await PylonDb.open(own)).close();
    const names = 'select type, name from sqlite_master order by name';
    expect(readOutside(path, names)).toEqual(readOutside(own, names));
  });
});

describe('a file that is not adopted stays as it is', () => {
  it.each([
    ['a column is missing', 'alter table agents drop column goals_json', 'agents.goals_json'],
    [
      'a CHECK allows more',
      `drop table earnings; ${STATEMENTS.find((text) => /table earnings/i.test(text))?.replace("'other'", "'other', 'zap'")}`,
      'column earnings.source has CHECK',
    ],
    ['a published name is a view', 'drop table agents; create view agents as select 1', 'agents'],
    [
      'a published index is on another column',
      'drop index idx_jobs_status; create index idx_jobs_status on jobs (kind)',
      'index idx_jobs_status is on jobs(kind), not on jobs(status)',
    ],
  ])('when %s', async (_, change, problem) => {
    writeOutside(path, `${publishedSql()}; ${change}`);
    const before = readFileSync(path);
    const error = await failureOf(PylonDb.open(path), 'SCHEMA_MISMATCH');
    expect(error.message).toContain(problem);
    expect(readFileSync(path)).toEqual(before);
  });

  it.each([
    ['readonly', { readonly: true }],
    ['migrate: false', { migrate: false }],
  ])('when it is opened with %s: the migrations are pending', async (_, options) => {
    writeOutside(path, publishedSql());
    const before = readFileSync(path);
    const error = await failureOf(PylonDb.open(path, options), 'SCHEMA_MISMATCH');
    expect(error.pending).toEqual(Object.keys(migrations));
    expect(readFileSync(path)).toEqual(before);
  });

  it('when another program has a table of one of its names', async () => {
    writeOutside(path, 'create table jobs (id integer primary key, payload text)');
    const before = readFileSync(path);
    const error = await failureOf(PylonDb.open(path), 'SCHEMA_MISMATCH');
    expect(error.hint).toContain("another program's");
    expect(readFileSync(path)).toEqual(before);
  });
});

/** The original's first open: each statement commits by itself, and the ledger row comes last. */
const ORIGINAL = `
  import Database from 'better-sqlite3';
  import { setTimeout } from 'node:timers/promises';
  const [path, statements] = process.argv.slice(1);
  const db = new Database(path);
  db.pragma('journal_mode = WAL');
  db.pragma('busy_timeout = 5000');
  for (const statement of JSON.parse(statements)) {
    db.exec(statement);
    console.log('made');
    await setTimeout(1);
  }
  db.exec("insert into migrations (name) values ('001_initial_schema')");
  db.close();`;

it("opens together with the original's first open, and both succeed", async () => {
  const original = spawn(
    process.execPath,
    ['--input-type=module', '-e', ORIGINAL, path, JSON.stringify(STATEMENTS)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = once(original, 'exit');
  await once(original.stdout, 'data');
  const opened = await Promise.all([PylonDb.open(path), PylonDb.open(path)]);
  for (const db of opened) await db.close();
  expect(await ended).toEqual([0, null]);
  await expectAdopted();
});

describe('create: false', () => {
  it('refuses a file that is not there, and makes neither file nor folder', async () => {
    const missing = join(temporaryFolder(), 'volume', 'pylon.db');
    for (const options of [{}, { migrate: false }, { readonly: true }]) {
      const open = PylonDb.open(missing, { create: false, ...options });
      expect((await failureOf(open, 'CANNOT_OPEN')).path).toBe(missing);
    }
    expect(existsSync(join(missing, '..'))).toBe(false);
  });

  it('opens and migrates one that is there', async () => {
    writeOutside(path, publishedSql());
    await (await PylonDb.open(path, { create: false })).close();
    expect(valueOutside(path, 'select count(*) from migrations')).toBe(
      Object.keys(migrations).length,
    );
  });
});
