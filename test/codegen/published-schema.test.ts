import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { generateSchemaSql, generateTypes } from '../../src/codegen/generate.js';
import { createMigratedDatabase, generateOurs } from '../../src/codegen/generated-files.js';
import { databaseWith, freshFolder } from './project-copy.js';
import { AGENTS, EARNINGS, JOBS, LEDGER, TICKS } from './published-sql.js';

const PUBLISHED = ['Agents', 'Earnings', 'Jobs', 'Migrations', 'TickHistory'];

/** Everything the types say about the published tables: their interfaces, unions and arrays. */
function publishedPart(types: string): string[] {
  return types
    .split('\n\n')
    .filter((section) => !/^export interface (?!DB\b)/.test(section) || isPublished(section))
    .map((section) => section.replaceAll(/^ {2}pylon_db_.*\n/gm, ''));
}

function isPublished(section: string): boolean {
  return PUBLISHED.some((name) => section.startsWith(`export interface ${name} {`));
}

it('gives the same types for the published SQL as for our migrations', async () => {
  const published = await generateTypes(databaseWith(LEDGER + JOBS + EARNINGS + AGENTS + TICKS));
  const [ours] = await generateOurs('generated');
  expect(publishedPart(ours?.text ?? '')).toEqual(publishedPart(published));
  for (const name of PUBLISHED) expect(published).toContain(`export interface ${name} {`);
});

it('gives the same types for every migrated file', async () => {
  const file = join(freshFolder(), 'pylon.db');
  await createMigratedDatabase(file);
  const [ours] = await generateOurs('generated');
  expect(await generateTypes(file)).toBe(ours?.text);
});

it('dumps a schema that makes the same schema again', async () => {
  const file = join(freshFolder(), 'pylon.db');
  await createMigratedDatabase(file);
  const dump = generateSchemaSql(file);
  const copy = databaseWith(dump);
  expect(schemaObjects(copy)).toEqual(schemaObjects(file));
  expect(generateSchemaSql(copy)).toBe(dump);
});

it('dumps tables with their indexes and triggers, without SQLite internals', async () => {
  const dump = generateSchemaSql(
    databaseWith(`
      create table b (id integer primary key autoincrement, "odd, (name" text default 'a,b');
      create table a (id text unique);
      create trigger z after insert on a begin select 1; end;
      create index y on a (id);`),
  );
  expect(dump.split('\n').slice(2)).toEqual([
    'CREATE TABLE a (',
    '  id text unique',
    ');',
    'CREATE INDEX y on a (id);',
    'CREATE TRIGGER z after insert on a begin select 1; end;',
    '',
    'CREATE TABLE b (',
    '  id integer primary key autoincrement,',
    `  "odd, (name" text default 'a,b'`,
    ');',
    '',
  ]);
});

it('never changes the file it reads', async () => {
  const file = databaseWith(JOBS);
  const before = readFileSync(file);
  await generateTypes(file);
  expect(readFileSync(file).equals(before)).toBe(true);
});

/** sqlite_master without white space, internal objects included. */
function schemaObjects(path: string): object[] {
  const database = new Database(path, { readonly: true });
  const rows = database
    .prepare<[], { sql: string | null }>(
      'select type, name, tbl_name, sql from sqlite_master order by type, name',
    )
    .all();
  database.close();
  return rows.map((row) => ({ ...row, sql: row.sql?.replaceAll(/\s+/g, '') }));
}
