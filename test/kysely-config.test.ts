import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import { build } from 'esbuild';
import { expect, inject, test } from 'vitest';
import { migrations } from '../migrations/index.js';
import { migratedFile } from './migrated-file.js';
import { temporaryFolder } from './temporary.js';

const run = promisify(execFile);

/** Our config as it is, which loads each source by itself. */
const SOURCES = 'kysely.config.ts';

/** The same as one file without a TypeScript loader: it loads in a fourth of the time. */
const bundled = bundle(mkdtempSync(join(inject('runFolder'), 'kysely-config-')));

async function bundle(folder: string): Promise<string> {
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), readFileSync('package.json'));
  const noLoader = join(folder, 'no-loader.js');
  writeFileSync(noLoader, '');
  await build({
    entryPoints: [SOURCES],
    outdir: join(folder, 'dist'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    alias: { 'tsx/cjs': noLoader },
    logLevel: 'error',
  });
  return join(folder, 'dist', 'kysely.config.js');
}

/** Runs a program of ours on one database, as `npx` would. */
async function npx(database: string, program: string, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await started({ PYLON_DB: database }, program, args);
  return stdout + stderr;
}

/** What a program prints that fails. */
async function failing(
  env: Readonly<Record<string, string>>,
  program: string,
  ...args: string[]
): Promise<string> {
  const failed: unknown = await started(env, program, args).then(
    () => undefined,
    (error) => error,
  );
  const printed = ['stdout', 'stderr'].map((name) => String(Reflect.get(Object(failed), name)));
  return printed.join('\n');
}

async function started(
  env: Readonly<Record<string, string>>,
  program: string,
  args: readonly string[],
  config?: string,
): Promise<{ stdout: string; stderr: string }> {
  // Each start would compile the config anew, and ask the registry for newer versions.
  const more = [
    '--filesystem-caching',
    '--no-outdated-check',
    '--config',
    config ?? (await bundled),
  ];
  const all = program === 'kysely' ? [...args, ...more] : args;
  return await run(join('node_modules', '.bin', program), all, {
    // consola, which kysely-ctl prints with, is silent under a test runner unless set otherwise.
    env: { ...process.env, NO_COLOR: '1', CONSOLA_LEVEL: '3', ...env },
  });
}

const APPLIED = 'select name from migrations order by id';

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

  const env = { PYLON_DB: database };
  const { stdout: listed } = await started(env, 'kysely', ['migrate:list'], SOURCES);

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
  await npx(
    migratedFile(database),
    'kysely-codegen',
    '--config-file',
    'kysely.config.ts',
    '--out-file',
    types,
  );

  expect(readFileSync(types, 'utf8')).toBe(readFileSync('generated/db.ts', 'utf8'));
});

test('kysely migrate:down NAME undoes what came after it, and migrate:up NAME goes up to it', async () => {
  const database = migratedFile();
  const names = Object.keys(migrations);
  const [first = '', second = ''] = names;

  const undone = await npx(database, 'kysely', 'migrate:down', first);

  expect(undone).toContain(`Undone ${names.length - 1} migrations`);
  expect(query(database, APPLIED)).toEqual([first]);

  await npx(database, 'kysely', 'migrate:up', second);

  expect(query(database, APPLIED)).toEqual([first, second]);
});

test('kysely migrate:rollback --all refuses, says how to go back as far as it can, and changes nothing', async () => {
  const database = migratedFile();

  const printed = await failing({ PYLON_DB: database }, 'kysely', 'migrate:rollback', '--all');

  expect(printed).toContain('001_initial_schema is never undone: that would drop all rows');
  expect(printed).toContain('npx kysely migrate:down 001_initial_schema');
  expect(query(database, APPLIED)).toEqual(Object.keys(migrations));
});

test.each(['up', 'down'])(
  'kysely migrate:%s of an unknown name says where the names are',
  async (direction) => {
    const database = migratedFile();

    const printed = await failing(
      { PYLON_DB: database },
      'kysely',
      `migrate:${direction}`,
      'nonsense',
    );

    expect(printed).toContain(
      'no migration is called "nonsense". See the names: npx kysely migrate:list',
    );
    expect(query(database, APPLIED)).toEqual(Object.keys(migrations));
  },
);

test("an error of another program's database reaches the user of kysely-ctl with its hint", async () => {
  const database = join(temporaryFolder(), 'other.db');
  new Database(database).exec('create table notes (text)').close();

  for (const command of ['migrate:list', 'migrate:latest']) {
    expect(await failing({ PYLON_DB: database }, 'kysely', command)).toContain(
      "This is another program's database. Give the path of a pylon.db file.",
    );
  }
});

test.each([['sql', 'select 1'], ['migrate:down'], ['migrate:up', 'nonsense']])(
  'kysely %s on a missing path fails and leaves no file',
  async (...args) => {
    const folder = temporaryFolder();

    const printed = await failing({ PYLON_DB: join(folder, 'new.db') }, 'kysely', ...args);

    expect(printed).toMatch(/npx kysely migrate:(?:latest|list)/);
    expect(readdirSync(folder)).toEqual([]);
  },
);

test('kysely sql reads a file that is there', async () => {
  const printed = await npx(migratedFile(), 'kysely', 'sql', 'select count(*) as n from jobs');

  expect(printed).toMatch(/"n"\n.*\b0$/m);
});

test('kysely migrate:make writes no file and names the command that does', async () => {
  const before = readdirSync('migrations');

  const printed = await failing(
    { PYLON_DB: join(temporaryFolder(), 'pylon.db') },
    'kysely',
    'migrate:make',
    'add_priority',
  );

  expect(printed).toContain('pylon-db migrate create NAME --dir migrations');
  expect(readdirSync('migrations')).toEqual(before);
});

test.each([
  ['kysely', 'migrate:latest'],
  ['kysely-codegen', '--config-file', 'kysely.config.ts', '--print'],
])('%s refuses PYLON_DB=:memory:, as pylon-db does, and leaves no file', async (...command) => {
  const [program, ...args] = command;

  const printed = await failing({ PYLON_DB: ':memory:' }, program, ...args);

  expect(printed).toContain('PYLON_DB must be a file. A database in memory would be empty.');
  expect(existsSync(':memory:')).toBe(false);
});

test('an empty PYLON_DB is the file in the home folder, as for pylon-db', async () => {
  const home = temporaryFolder();
  const path = join(home, '.pylon', 'pylon.db');

  await started({ HOME: home, PYLON_DB: '' }, 'kysely', ['migrate:latest'], SOURCES);

  expect(query(path, APPLIED)).toEqual(Object.keys(migrations));
  const { stdout } = await started({ HOME: home, PYLON_DB: '' }, 'kysely-codegen', [
    ...['--config-file', 'kysely.config.ts', '--print'],
  ]);
  expect(stdout).toContain('export type JobStatus');
});
