import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { migrations } from '../migrations/index.js';
import { temporaryFolder } from './temporary.js';

const run = promisify(execFile);

/** Runs a program of ours on one database, as `npx` would. */
async function npx(database: string, program: string, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await run(join('node_modules', '.bin', program), args, {
    // consola, which kysely-ctl prints with, is silent under a test runner unless told otherwise.
    env: { ...process.env, PYLON_DB: database, NO_COLOR: '1', CONSOLA_LEVEL: '3' },
  });
  return stdout + stderr;
}

function query(path: string, sql: string): unknown[] {
  const db = new Database(path, { readonly: true });
  try {
    return db.prepare(sql).pluck().all();
  } finally {
    db.close();
  }
}

test('kysely migrate:list shows what is pending and creates no file', async () => {
  const database = join(temporaryFolder(), 'pylon.db');

  const listed = await npx(database, 'kysely', 'migrate:list');

  for (const name of Object.keys(migrations)) expect(listed).toContain(`[ ] ${name}`);
  expect(existsSync(database)).toBe(false);
});

test('kysely migrate:latest and migrate:down write the one ledger and start no second', async () => {
  const database = join(temporaryFolder(), 'pylon.db');

  await npx(database, 'kysely', 'migrate:latest');

  expect(query(database, 'select name from migrations order by id')).toEqual(
    Object.keys(migrations),
  );
  expect(query(database, "select name from sqlite_master where name like 'kysely%'")).toEqual([]);
  expect(await npx(database, 'kysely', 'migrate:list')).toMatch(/✓.* 001_initial_schema/);

  await npx(database, 'kysely', 'migrate:down');

  expect(query(database, 'select count(*) from migrations')).toEqual([
    Object.keys(migrations).length - 1,
  ]);
});

test('kysely-codegen with our config generates the committed types', async () => {
  const folder = temporaryFolder();
  const database = join(folder, 'pylon.db');
  const types = join(folder, 'db.ts');
  await npx(database, 'kysely', 'migrate:latest');

  await npx(database, 'kysely-codegen', '--config-file', 'kysely.config.ts', '--out-file', types);

  expect(readFileSync(types, 'utf8')).toBe(readFileSync('generated/db.ts', 'utf8'));
});
