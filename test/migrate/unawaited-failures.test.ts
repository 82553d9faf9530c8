import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, inject, it } from 'vitest';
import { readOutside } from '../engine/outside.js';
import { temporaryFolder } from '../temporary.js';

/** The library as the package ships it. */
const INDEX = join(dirname(inject('cli')), 'index.js');

/**
 * Opens a file in a process of its own with one migration of this body, and gives what it printed:
 * the outcome, and each rejection that nobody handled.
 */
async function openWith(path: string, body: string): Promise<string[]> {
  const program = `
    import { PylonDb } from ${JSON.stringify(INDEX)};
    process.on('uncaughtException', (error) => console.log('uncaught', error.message));
    const table = (db, name) => db.schema.createTable(name).addColumn('id', 'integer').execute();
    const up = async ({ context: db }) => { ${body} };
    const migrations = { '002_service': async () => ({ up }) };
    await PylonDb.open(${JSON.stringify(path)}, { migrations })
      .then((db) => (console.log('opened'), db.close()), (error) => console.log(error.code, error.statement));`;
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...['--input-type=module', '-e', program],
  ]);
  return stdout.trim().split('\n');
}

it.each([
  ['before others that are awaited', "table(db, 'jobs'); await table(db, 'own');"],
  ['as the last', "await table(db, 'own'); table(db, 'jobs');"],
  ['in a loop of forEach', "['own', 'jobs'].forEach(async (name) => { await table(db, name); });"],
  ['long before the end', "table(db, 'jobs'); await new Promise((r) => setTimeout(r, 20));"],
])('a statement that fails without being awaited fails its migration: %s', async (_, body) => {
  const path = join(temporaryFolder(), 'pylon.db');
  expect(await openWith(path, body)).toEqual([
    expect.stringMatching(/^MIGRATION_FAILED create table "(jobs|own)"/),
  ]);
  expect(readOutside(path, "select 1 from sqlite_master where name = 'own'")).toEqual([]);
  expect(readOutside(path, "select 1 from migrations where name = '002_service'")).toEqual([]);
});

it('one that failed and was caught does not', async () => {
  const path = join(temporaryFolder(), 'pylon.db');
  const body = "await table(db, 'jobs').catch(() => {}); await table(db, 'own');";
  expect(await openWith(path, body)).toEqual(['opened']);
});

it("leaves other rejections of the process to Node.js's own rules", async () => {
  const path = join(temporaryFolder(), 'pylon.db');
  const body = "Promise.reject(new Error('not a statement')); await table(db, 'own');";
  expect(await openWith(path, body)).toEqual(['uncaught not a statement', 'opened']);
});
