import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../temporary.js';
import { contents, publishedFile, pylonDb } from './command.js';

const JOB = "(id, kind, customer_pubkey, started_at, created_at) VALUES ('x', 1, 'c', 1, 1)";

/** What each would do is seen in the folder, or, for what needs no file, by its answer. */
const REFUSED: readonly (readonly [what: string, sql: string])[] = [
  ['INSERT', `INSERT INTO jobs ${JOB}`],
  ['UPDATE', 'UPDATE jobs SET price_msats = 0'],
  ['DELETE', 'DELETE FROM earnings'],
  ['INSERT … RETURNING', `INSERT INTO jobs ${JOB} RETURNING id`],
  ['WITH … INSERT', `WITH a AS (SELECT 1) INSERT INTO jobs ${JOB}`],
  ['WITH … UPDATE … RETURNING', 'WITH a AS (SELECT 1) UPDATE jobs SET kind = 1 RETURNING id'],
  ['WITH … DELETE', 'WITH a AS (SELECT 1) DELETE FROM earnings WHERE 1 IN a'],
  ['a write inside a CTE', 'WITH a AS (DELETE FROM earnings RETURNING *) SELECT * FROM a'],
  ['ATTACH', "ATTACH 'FOLDER/other.db' AS other"],
  ['ATTACH of a new file', "ATTACH 'FOLDER/new.db' AS other"],
  ['DETACH', 'DETACH main'],
  ['a reading PRAGMA', 'PRAGMA user_version'],
  ['a writing PRAGMA', 'PRAGMA user_version = 7'],
  ['PRAGMA journal_mode', 'PRAGMA journal_mode = DELETE'],
  ['PRAGMA wal_checkpoint', 'PRAGMA wal_checkpoint(TRUNCATE)'],
  ['a PRAGMA function that writes', 'SELECT * FROM pragma_optimize(0xfffe)'],
  ['a PRAGMA function with a value', 'SELECT * FROM pragma_user_version(7)'],
  ['VACUUM INTO', "VACUUM INTO 'FOLDER/copy.db'"],
  ['two queries', 'SELECT 1; SELECT 2'],
  ['a query and a write', 'SELECT 1; DELETE FROM earnings'],
  ['a query and a write behind a comment', 'SELECT 1; -- x\n/* y */ DELETE FROM earnings'],
  ['load_extension', "SELECT load_extension('FOLDER/x.so')"],
  ['load_extension that never runs', "SELECT load_extension('FOLDER/x.so') WHERE 0"],
  ['load_extension behind a quote', `SELECT 1 AS "it's", load_extension('FOLDER/x.so'), ''`],
  ['a new tokenizer', "SELECT fts3_tokenizer('mine', x'0000000000000000')"],
  ['a view that runs load_extension', 'SELECT * FROM loads'],
  ['CREATE TEMP', 'CREATE TEMP TABLE mine AS SELECT 1'],
  ['DROP', 'DROP TABLE earnings'],
  ['BEGIN', 'BEGIN IMMEDIATE'],
  ['EXPLAIN as a word', 'EXPLAIN SELECT 1'],
  ['EXPLAIN of a write', 'EXPLAIN QUERY PLAN DELETE FROM earnings'],
  ['a write behind a comment', '-- SELECT\nDELETE FROM earnings'],
  ['a write behind blanks', ' \n\t\r\f DELETE FROM earnings'],
  ['a write behind a semicolon', '; DELETE FROM earnings'],
  ['a write behind a byte order mark', '\ufeffDELETE FROM earnings'],
  ['a write in parentheses', '(DELETE FROM earnings)'],
  ['a query in parentheses', '(SELECT 1)'],
  ['a comment', '-- SELECT 1'],
];

/** A file in WAL mode whose view calls what it shouldn't, next to a database to attach. */
function attackedFolder(): { folder: string; path: string } {
  const folder = join(temporaryFolder(), 'data');
  mkdirSync(folder);
  const path = publishedFile(folder);
  const db = new Database(path);
  db.exec("create view loads as select load_extension('x.so')");
  db.pragma('journal_mode = wal');
  db.close();
  new Database(join(folder, 'other.db')).exec('create table t (x)').close();
  return { folder, path };
}

describe('query refuses, exits 2 and leaves every byte of the folder as it was', () => {
  it.each(REFUSED)('%s', async (_, sql) => {
    const { folder, path } = attackedFolder();
    const before = contents(folder);
    const outcome = await pylonDb(['query', '--db', path, '--', sql.replaceAll('FOLDER', folder)]);
    expect([outcome.exitCode, outcome.stdout]).toEqual([2, '']);
    expect(outcome.stderr).toMatch(/^pylon-db: [^\n]+\n$/);
    expect(contents(folder)).toEqual(before);
    // Empty files too: they are none of SQLite's sidecars.
    expect(readdirSync(folder).filter((name) => !/-(wal|shm)$/.test(name))).toEqual([
      'node-001.db',
      'other.db',
    ]);
  });

  it.each(REFUSED.filter(([what]) => ['DELETE', 'VACUUM INTO', 'WITH … DELETE'].includes(what)))(
    '%s under --explain',
    async (_, sql) => {
      const { folder, path } = attackedFolder();
      const before = contents(folder);
      const text = sql.replaceAll('FOLDER', folder);
      const outcome = await pylonDb(['query', '--explain', '--db', path, '--', text]);
      expect([outcome.exitCode, outcome.stdout]).toEqual([2, '']);
      expect(contents(folder)).toEqual(before);
    },
  );
});

describe('query lets through', () => {
  it.each([
    ['a comment and small letters', '-- why\n/* load_extension; */ select 1'],
    ['blanks and a byte order mark before', '\ufeff \n SELECT 1'],
    ['a semicolon and a comment behind', 'SELECT 1; -- done'],
    ['WITH', 'WITH a(x) AS (SELECT 1) SELECT x FROM a'],
    ['VALUES', 'VALUES (1)'],
    ['names of writes as text', "SELECT 1 WHERE 'DELETE; load_extension' <> 'pragma_optimize'"],
    ['a PRAGMA function that only reads', "SELECT min(1) FROM pragma_table_info('jobs')"],
    ['replace() the function', "SELECT replace('2', '2', '1') + 0"],
  ])('%s', async (_, sql) => {
    const { path } = attackedFolder();
    const outcome = await pylonDb(['query', '--format', 'csv', '--db', path, '--', sql]);
    expect(outcome.stderr).toBe('');
    expect(outcome.stdout).toMatch(/\n1\r?\n$/);
  });
});
