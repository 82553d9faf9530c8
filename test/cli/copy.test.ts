import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { stored, writeByAnother } from '../file.js';
import { temporaryFolder } from '../temporary.js';
import { pylonDb } from './command.js';

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
