import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { stored, writeByAnother } from '../file.js';
import { temporaryFolder } from '../temporary.js';
import { pylonDb } from './command.js';
import { fileWithOwnRows, OWN_MIGRATIONS, ownRows } from './own-rows.js';

/** A file to copy, and a place for the copy. */
async function files(): Promise<{ from: string; to: string }> {
  const folder = temporaryFolder();
  const from = join(folder, 'from.db');
  await using db = await PylonDb.open(from);
  await db.jobs.create({ id: 'a', kind: 1, customer_pubkey: 'c' });
  return { from, to: join(folder, 'to.db') };
}

it.each([
  ['tables notes', 'create table notes (text text)'],
  ['tables found', 'create virtual table found using fts5 (text)'],
  ['columns agents.mood', 'alter table agents add column mood text'],
  ['migrations 020_notes', "insert into migrations (name) values ('020_notes')"],
])('refuses to leave %s behind, also with --quiet, and makes no file', async (named, sql) => {
  const { from, to } = await files();
  writeByAnother(from, sql);

  const outcome = await pylonDb(['copy', '--from', from, '--to', to, '--quiet']);

  expect(outcome).toMatchObject({ exitCode: 1, stdout: '' });
  expect(outcome.stderr).toContain(named);
  expect(outcome.stderr).toContain('--published-only');
  expect(existsSync(to)).toBe(false);
});

it('with --published-only copies what is published, and says what stays behind even with --quiet', async () => {
  const { from, to } = await files();
  writeByAnother(from, 'create table notes (text text)');

  const outcome = await pylonDb([
    ...['copy', '--from', from, '--to', to, '--published-only', '--quiet'],
  ]);

  expect(outcome).toMatchObject({ exitCode: 0, stderr: 'pylon-db: Not copied: tables notes.\n' });
  expect(stored(to, 'select id from jobs')).toEqual([{ id: 'a' }]);
  expect(stored(to, "select name from sqlite_master where name = 'notes'")).toEqual([]);
});

it("with --migrations takes a service's own tables, columns, ids and ledger rows along", async () => {
  const [from, to] = [await fileWithOwnRows(), join(temporaryFolder(), 'to.db')];

  const outcome = await pylonDb([
    ...['copy', '--from', from, '--to', to, '--migrations', OWN_MIGRATIONS, '--json'],
  ]);

  expect(outcome.exitCode).toBe(0);
  expect(JSON.parse(outcome.stdout)).toMatchObject({
    tables: { jobs: { rows: 1 }, order: { rows: 2 }, teams: { rows: 2 } },
    left_behind: { tables: [], columns: [], migrations: [] },
  });
  expect(ownRows(from)).toContainEqual({ row: "'a''child'" });
  expect(ownRows(to)).toEqual(ownRows(from));
});

it('refuses what the migrations of the list do not make, and stores no row', async () => {
  const [from, to] = [await fileWithOwnRows(), join(temporaryFolder(), 'to.db')];
  writeByAnother(from, 'create table notes (text text); alter table teams add column mood text');

  const outcome = await pylonDb([
    ...['copy', '--from', from, '--to', to, '--migrations', OWN_MIGRATIONS, '--quiet'],
  ]);

  expect(outcome).toMatchObject({ exitCode: 1, stdout: '' });
  expect(outcome.stderr).toContain('tables notes; columns teams.mood');
  expect(stored(to, 'select count(*) as n from jobs')).toEqual([{ n: 0 }]);
});

it("refuses a destination that has rows in a service's own tables, and keeps them", async () => {
  const [from, to] = [await fileWithOwnRows(), await fileWithOwnRows()];
  writeByAnother(to, 'delete from "order"; update jobs set team = null; delete from jobs');

  const outcome = await pylonDb([
    ...['copy', '--from', from, '--to', to, '--migrations', OWN_MIGRATIONS],
  ]);

  expect(outcome).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('rows in teams') });
  expect(stored(to, 'select count(*) as n from teams')).toEqual([{ n: 2 }]);
});

it("refuses a value that isn't of its column's type, naming the row", async () => {
  const [from, to] = [await fileWithOwnRows(), join(temporaryFolder(), 'to.db')];
  writeByAnother(from, `update "order" set bytes = 'text' where id = 2`);

  const outcome = await pylonDb([
    ...['copy', '--from', from, '--to', to, '--migrations', OWN_MIGRATIONS],
  ]);

  expect(outcome.exitCode).toBe(4);
  expect(outcome.stderr).toContain("row 2 of order can't be copied: bytes holds no BLOB");
  expect(stored(to, 'select count(*) as n from jobs')).toEqual([{ n: 0 }]);
});

it("refuses a service's row whose parent is missing, naming it, and stores no row", async () => {
  const [from, to] = [await fileWithOwnRows(), join(temporaryFolder(), 'to.db')];
  writeByAnother(from, `pragma foreign_keys = 0; update "order" set job = 'gone' where id = 2`);

  const outcome = await pylonDb([
    ...['copy', '--from', from, '--to', to, '--migrations', OWN_MIGRATIONS],
  ]);

  expect(outcome.exitCode).toBe(4);
  expect(outcome.stderr).toContain("row 2 of order can't be copied: it names nothing in jobs");
  expect(stored(to, 'select count(*) as n from jobs')).toEqual([{ n: 0 }]);
});
