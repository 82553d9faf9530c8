import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { migrations } from '../../migrations/index.js';
import { temporaryFolder } from '../temporary.js';
import { contents, json, publishedFile, pylonDb } from './command.js';

/** Type, name and SQL of everything in the file, by a connection of our own. */
function schemaOf(path: string): unknown[] {
  const db = new Database(path, { readonly: true });
  const rows = db.prepare('select type, name, sql from sqlite_master order by name').all();
  db.close();
  return rows;
}

function ledgerOf(path: string): unknown[] {
  const db = new Database(path, { readonly: true });
  const names = db.prepare('select name from migrations order by id').pluck().all();
  db.close();
  return names;
}

/** A module with a service's own migrations: two that work, or with one that fails at its end. */
function serviceMigrations(folder: string, second = 'create table invoices (id text)'): string {
  const file = join(folder, 'list.mjs');
  writeFileSync(
    file,
    `import { sql } from ${JSON.stringify(import.meta.resolve('kysely'))};
     const run = (text) => async ({ context }) => { await sql.raw(text).execute(context); };
     export const migrations = {
       '002_add_priority': async () => ({
         up: run('alter table jobs add column priority integer default 0'),
         down: run('alter table jobs drop column priority'),
       }),
       '003_invoices': async () => ({ up: run(${JSON.stringify(second)}) }),
     };`,
  );
  return file;
}

const OURS = Object.keys(migrations);

/** How many migrations of ours there are, and `more`. */
const steps = (more: number) => String(OURS.length + more);

describe('migrate up', () => {
  it('creates a missing database for its owner only, and names what it applied', async () => {
    const path = join(temporaryFolder(), 'new', 'pylon.db');
    const outcome = await pylonDb(['migrate', 'up', '--db', path]);
    expect(outcome).toEqual({
      exitCode: 0,
      stdout: OURS.map((name) => `applied ${name}\n`).join(''),
      stderr: `Created ${path}.\n`,
    });
    expect(ledgerOf(path)).toEqual(OURS);
    const modeOf = (file: string) => statSync(file).mode & 0o777;
    expect([modeOf(path), modeOf(dirname(path))]).toEqual([0o600, 0o700]);
  });

  it('stops after --to, and has nothing to do the second time', async () => {
    const path = publishedFile(temporaryFolder());
    const first = await json(['migrate', 'up', '--to', '002_pylon_db_indexes', '--db', path]);
    expect(first).toEqual(['002_pylon_db_indexes']);
    expect(ledgerOf(path)).toEqual(OURS.slice(0, 2));
    expect(await json(['migrate', 'up', '--db', path])).toEqual(OURS.slice(2));
    expect(await pylonDb(['migrate', 'up', '--db', path])).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: 'Nothing to apply.\n',
    });
  });

  it("applies a service's own migrations after ours", async () => {
    const folder = temporaryFolder();
    const path = publishedFile(folder);
    const file = serviceMigrations(folder);
    const applied = await json(['migrate', 'up', '--migrations', file, '--db', path]);
    expect(applied).toEqual([...OURS.slice(1), '002_add_priority', '003_invoices']);
    const db = new Database(path, { readonly: true });
    expect(db.prepare('select distinct priority from jobs').pluck().all()).toEqual([0]);
    db.close();
  });

  it('names the failing migration and statement, and keeps those before it', async () => {
    const folder = temporaryFolder();
    const path = publishedFile(folder);
    const file = serviceMigrations(folder, 'create table jobs (id text)');
    const outcome = await pylonDb(['migrate', 'up', '--migrations', file, '--db', path]);
    expect(outcome.exitCode).toBe(1);
    expect(outcome.stdout).toContain('applied 002_add_priority\n');
    expect(outcome.stderr).toMatch(/^pylon-db: migration 003_invoices failed at [^\n]+\n$/);
    expect(outcome.stderr).toContain('«create table jobs (id text)»');
    expect(ledgerOf(path)).toEqual([...OURS, '002_add_priority']);
  });
});

describe('--migrations', () => {
  it.each([
    ['is missing', undefined, 1, 'there is no file'],
    ['exports no list', 'export const other = 1', 2, 'exports no `migrations`'],
    ['does not parse', 'export const = 1', 2, "can't be imported"],
    ['lists no functions', 'export const migrations = { "002_x": 1 }', 2, 'must be a function'],
    [
      "takes a name of pylon-db's",
      'export const migrations = { "001_initial_schema": async () => ({}) }',
      2,
      "pylon-db's own migrations",
    ],
  ])('that %s is refused, and no database made', async (_, source, exitCode, problem) => {
    const folder = temporaryFolder();
    const file = join(folder, 'list.mjs');
    if (source !== undefined) writeFileSync(file, source);
    const path = join(folder, 'new', 'pylon.db');
    const before = contents(folder);
    const outcome = await pylonDb(['migrate', 'up', '--migrations', file, '--db', path]);
    expect([outcome.exitCode, outcome.stdout]).toEqual([exitCode, '']);
    expect(outcome.stderr).toMatch(/^pylon-db: [^\n]+\n$/);
    expect(outcome.stderr).toContain(problem);
    expect(contents(folder)).toEqual(before);
  });
});

describe('a list in TypeScript', () => {
  it('that this process cannot import is refused with the way out', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'index.ts');
    writeFileSync(file, 'export const migrations = {};');
    const { exitCode, stderr } = await pylonDb(['migrate', 'up', '--migrations', file], {
      HOME: folder,
      // Later versions of Node.js import it.
      NODE_OPTIONS: process.allowedNodeEnvironmentFlags.has('--no-experimental-strip-types')
        ? '--no-experimental-strip-types'
        : '',
    });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^pylon-db: this Node.js can't import [^\n]+.* `npx tsx [^\n]+\n$/);
    expect(contents(folder)).toEqual({ [file]: expect.any(String) });
  });
});

describe('migrate down', () => {
  it('reverts the newest migrations and restores the schema exactly', async () => {
    const path = publishedFile(temporaryFolder());
    const before = schemaOf(path);
    await pylonDb(['migrate', 'up', '--db', path]);
    expect(schemaOf(path)).not.toEqual(before);
    const outcome = await pylonDb(['migrate', 'down', '--steps', steps(-1), '--db', path]);
    expect(outcome).toEqual({
      exitCode: 0,
      stdout: OURS.slice(1)
        .toReversed()
        .map((name) => `reverted ${name}\n`)
        .join(''),
      stderr: '',
    });
    expect(schemaOf(path)).toEqual(before);
    expect(ledgerOf(path)).toEqual(['001_initial_schema']);
  });

  it('takes a name of its list, or a number of steps', async () => {
    const path = join(temporaryFolder(), 'pylon.db');
    await pylonDb(['migrate', 'up', '--db', path]);
    const down = async (...args: string[]) =>
      await pylonDb(['migrate', 'down', ...args, '--db', path]);
    const unknown = await down('101_nobodys');
    expect([unknown.exitCode, unknown.stderr]).toEqual([
      2,
      expect.stringMatching(
        /^pylon-db: the list has no migration "101_nobodys"\. .*--migrations FILE\.\n$/,
      ),
    ]);
    expect((await down('002_pylon_db_indexes', '--steps', '2')).exitCode).toBe(2);
    expect((await down('002_pylon_db_indexes')).stdout).toBe('reverted 002_pylon_db_indexes\n');
  });

  it('reverts nothing when one of them has no down()', async () => {
    const folder = temporaryFolder();
    const path = publishedFile(folder);
    await pylonDb(['migrate', 'up', '--db', path]);
    const before = contents(folder);
    const outcome = await pylonDb(['migrate', 'down', '--steps', steps(0), '--db', path]);
    expect([outcome.exitCode, outcome.stdout]).toEqual([1, '']);
    expect(outcome.stderr).toMatch(
      /^pylon-db: migration 001_initial_schema has no down\(\)\. .+\n$/,
    );
    expect(contents(folder)).toEqual(before);
  });
});

describe('migrate status', () => {
  it("lists what is applied and pending, and marks others' rows; exits 3", async () => {
    const path = publishedFile(temporaryFolder());
    const db = new Database(path);
    db.exec(`update migrations set applied_at = 0;
      insert into migrations (name, applied_at) values ('002_invoices', 1767225600)`);
    db.close();
    const { exitCode, stdout, stderr } = await pylonDb(['migrate', 'status', '--db', path]);
    expect([exitCode, stderr]).toEqual([3, `${steps(-1)} pending. Run \`pylon-db migrate up\`.\n`]);
    expect(stdout.replaceAll(/ {2,}/g, ' | ').split('\n')).toEqual([
      'migration | applied (UTC) | of',
      '001_initial_schema | 1970-01-01 00:00:00 | pylon-db',
      '002_invoices | 2026-01-01 00:00:00 | another program',
      ...OURS.slice(1).map((name) => `${name} | pending | pylon-db`),
      '',
    ]);
  });

  it('exits 0 when nothing is pending', async () => {
    const folder = temporaryFolder();
    const path = publishedFile(folder);
    const own = ['--migrations', serviceMigrations(folder)];
    await pylonDb(['migrate', 'up', '--db', path]);
    expect(await json(['migrate', 'status', '--db', path])).toMatchObject({ pending: [] });
    expect(await json(['migrate', 'status', '--db', path, ...own], 3)).toMatchObject({
      pending: [
        { name: '002_add_priority', owner: 'service' },
        { name: '003_invoices', owner: 'service' },
      ],
    });
  });
});

describe('migrate plan', () => {
  it('prints the exact SQL of what is pending, and leaves the schema as it was', async () => {
    const folder = temporaryFolder();
    const path = publishedFile(folder);
    const [schema, files] = [schemaOf(path), contents(folder)];
    const { exitCode, stdout, stderr } = await pylonDb(['migrate', 'plan', '--db', path]);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^-- 002_pylon_db_indexes\ncreate index "pylon_db_jobs_status_created"/);
    expect(stdout).toContain('\n\n-- 003_pylon_db_rollups\ncreate table "pylon_db_job_totals"');
    expect(schemaOf(path)).toEqual(schema);
    expect(contents(folder)).toEqual(files);
  });

  it('gives SQL that makes the same schema as migrating does', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'b'));
    const [migrated, byHand] = [publishedFile(folder), publishedFile(join(folder, 'b'))];
    const { stdout } = await pylonDb(['migrate', 'plan', '--db', byHand]);
    const db = new Database(byHand);
    db.exec(stdout);
    db.close();
    await pylonDb(['migrate', 'up', '--db', migrated]);
    expect(schemaOf(byHand)).toEqual(schemaOf(migrated));
  });

  it('prints nothing when nothing is pending', async () => {
    const path = join(temporaryFolder(), 'pylon.db');
    await pylonDb(['migrate', 'up', '--db', path]);
    expect(await pylonDb(['migrate', 'plan', '--db', path])).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: 'Nothing is pending.\n',
    });
  });
});
