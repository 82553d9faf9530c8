import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { migrations } from '../../migrations/index.js';
import { type MigrationList, type OpenOptions, PylonDb } from '../../src/index.js';
import { failureOf } from '../engine/failure.js';
import { valueOutside, writeOutside } from '../engine/outside.js';
import { migratedFile } from '../migrated-file.js';
import { temporaryFolder } from '../temporary.js';
import { createPublishedFile } from './published.js';

let folder: string;
let path: string;

beforeEach(() => {
  folder = temporaryFolder();
  path = join(folder, 'pylon.db');
});

/** The bytes of every file in the folder that has any: opening may leave empty sidecars. */
function bytes(): Record<string, Buffer> {
  const files = readdirSync(folder).map(
    (name) => [name, readFileSync(join(folder, name))] as const,
  );
  return Object.fromEntries(files.filter(([name, b]) => b.length > 0 && !name.endsWith('-shm')));
}

async function expectRefused(options: OpenOptions) {
  const before = bytes();
  const error = await failureOf(PylonDb.open(path, options), 'SCHEMA_MISMATCH');
  expect(bytes()).toEqual(before);
  expect(error.operation).toBe('PylonDb.open');
  return error;
}

const MODES: readonly [name: string, options: OpenOptions][] = [
  ['to write', {}],
  ['to read', { readonly: true }],
  ['without migrating', { migrate: false }],
];

describe.each(MODES)('opened %s, a file is refused and stays as it is', (_, options) => {
  it.each([
    ['lacks a table', 'drop table tick_history', 'table tick_history is missing'],
    ['lacks a column', 'alter table jobs drop column output_hash', 'jobs.output_hash is missing'],
    [
      'has a column under another name',
      'alter table agents rename column name to title',
      'agents.name is missing',
    ],
    [
      'has a column of another type',
      `drop table earnings; create table earnings (id text primary key, job_id text,
        amount_msats real, source text, payment_hash text, preimage text, earned_at integer)`,
      'earnings.amount_msats is REAL, not INTEGER',
    ],
    [
      'has a ledger of another kind',
      'drop table migrations; create table migrations (version integer)',
      'migrations.name is missing',
    ],
    [
      'was migrated by a newer pylon-db',
      "insert into migrations (name) values ('917_pylon_db_future')",
      '917_pylon_db_future',
    ],
    [
      'has a table of the name, of another kind, that its ledger does not know',
      'delete from migrations; alter table jobs drop column output_hash',
      'column jobs.output_hash is missing; 001_initial_schema is not applied',
    ],
  ])('that %s', async (_, change, problem) => {
    createPublishedFile(path, change);
    const error = await expectRefused(options);
    expect(error.problems.join('; ')).toContain(problem);
    expect(error.message).toContain(problem);
  });

  it('that is of another program, and keeps its journal mode', async () => {
    writeOutside(path, 'create table birds (name text); insert into birds values (1)');
    await expectRefused(options);
    expect(valueOutside(path, 'pragma journal_mode')).toBe('delete');
  });

  it('whose ledger holds what is not text', async () => {
    createPublishedFile(path, "update migrations set name = x'ff00'");
    const before = bytes();
    const error = await failureOf(PylonDb.open(path, options), 'CORRUPT_ROW');
    expect(error).toMatchObject({ table: 'migrations', column: 'name', key: '1' });
    expect(bytes()).toEqual(before);
  });

  it('that is not a database', async () => {
    writeFileSync(path, 'Dear diary, this is not a database at all. '.repeat(200));
    const before = bytes();
    const error = await failureOf(PylonDb.open(path, options), 'NOT_A_DATABASE');
    expect(error.path).toBe(path);
    expect(bytes()).toEqual(before);
  });
});

describe('a file whose header asks for reading only', () => {
  /** Where the header keeps the least version that may write. */
  const WRITE_VERSION = 18;

  beforeEach(async () => {
    migratedFile(path);
    const file = readFileSync(path);
    file.writeUInt8(3, WRITE_VERSION);
    writeFileSync(path, file);
  });

  it('is refused as damaged when it is opened to write, and stays as it is', async () => {
    const before = bytes();
    for (const options of [{}, { migrate: false }]) {
      const error = await failureOf(PylonDb.open(path, options), 'CORRUPT');
      expect(error.message).toContain(`${path} is damaged: its header`);
    }
    expect(bytes()).toEqual(before);
  });

  it('can be read', async () => {
    const db = await PylonDb.open(path, { readonly: true });
    expect(await db.earnings.total()).toBe(0);
    await db.close();
  });
});

describe('a folder in place of the file', () => {
  it('cannot be opened', async () => {
    mkdirSync(path);
    for (const options of [{}, { migrate: false }]) {
      expect((await failureOf(PylonDb.open(path, options), 'CANNOT_OPEN')).path).toBe(path);
    }
    expect(readdirSync(path)).toEqual([]);
  });

  it('cannot be opened to read', async () => {
    mkdirSync(path);
    await failureOf(PylonDb.open(path, { readonly: true }), 'CANNOT_OPEN');
  });
});

describe('migrate: false', () => {
  it('names what is pending and writes nothing', async () => {
    createPublishedFile(path);
    const error = await expectRefused({ migrate: false });
    expect(error.pending).toEqual(Object.keys(migrations).slice(1));
  });

  it("names a service's own pending migrations", async () => {
    migratedFile(path);
    const migrations: MigrationList = { '002_own': async () => ({ up: async () => {} }) };
    const error = await expectRefused({ migrate: false, migrations });
    expect(error.pending).toEqual(['002_own']);
  });

  it('opens a file that is up to date', async () => {
    migratedFile(path);
    const db = await PylonDb.open(path, { migrate: false });
    expect(await db.earnings.total()).toBe(0);
    await db.close();
  });

  it('refuses an empty file', async () => {
    writeFileSync(path, '');
    expect((await expectRefused({ migrate: false })).pending).toEqual(Object.keys(migrations));
  });

  it('makes no file where there is none', async () => {
    await failureOf(
      PylonDb.open(join(folder, 'new/pylon.db'), { migrate: false }),
      'SCHEMA_MISMATCH',
    );
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('readonly', () => {
  it('answers everything of a file with our additions pending, and changes no byte', async () => {
    createPublishedFile(path);
    const before = bytes();
    const db = await PylonDb.open(path, { readonly: true });
    expect(await db.jobs.countByStatus()).toMatchObject({ pending: 1, completed: 1, failed: 0 });
    expect(await db.earnings.summary()).toEqual({
      total_msats: 7,
      total_sats: 0,
      job_count: 1,
      by_source: { job: 7, tip: 0, other: 0 },
    });
    expect(await db.jobs.listByStatus('pending')).toHaveLength(1);
    await failureOf(db.jobs.create({ id: 'x', kind: 1, customer_pubkey: 'c' }), 'READ_ONLY');
    await db.close();
    expect(bytes()).toEqual(before);
  });

  it('refuses them with migrate: false', async () => {
    createPublishedFile(path);
    await expectRefused({ readonly: true, migrate: false });
  });

  it('refuses an empty file', async () => {
    writeFileSync(path, '');
    await expectRefused({ readonly: true });
  });

  it('makes neither file nor folder', async () => {
    const error = await failureOf(
      PylonDb.open(join(folder, 'new/pylon.db'), { readonly: true }),
      'CANNOT_OPEN',
    );
    expect(error.path).toBe(join(folder, 'new/pylon.db'));
    await failureOf(PylonDb.open(path, { readonly: true }), 'CANNOT_OPEN');
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("a service's own migrations", () => {
  it.each(['001_initial_schema', '002_pylon_db_indexes', '042_pylon_db_mine'])(
    'may not be called %s',
    async (name) => {
      const migrations: MigrationList = { [name]: async () => ({ up: async () => {} }) };
      const error = await failureOf(PylonDb.open(path, { migrations }), 'INVALID_ARGUMENT');
      expect(error.message).toContain(name);
      expect(existsSync(path)).toBe(false);
    },
  );

  it('are not run when another program has already recorded that name', async () => {
    createPublishedFile(path, "insert into migrations (name) values ('002_invoices')");
    const migrations: MigrationList = {
      '002_invoices': async () => ({
        async up() {
          throw new Error('ran');
        },
      }),
    };
    await (await PylonDb.open(path, { migrations })).close();
  });
});

describe('what others added', () => {
  it('is kept, byte for byte', async () => {
    createPublishedFile(
      path,
      `create table invoices (id text primary key, body blob);
       insert into invoices values ('i', x'00ff10');
       create view paid as select * from invoices;
       alter table jobs add column priority integer default 0;
       update jobs set priority = 5;
       insert into migrations (name, applied_at) values ('002_invoices', 5), ('003_neobank', 6);`,
    );
    const theirs = `select group_concat(sql) from sqlite_master
      where name in ('invoices', 'paid', 'jobs') order by name`;
    const before = valueOutside(path, theirs);
    await (await PylonDb.open(path)).close();
    expect(valueOutside(path, theirs)).toBe(before);
    expect(valueOutside(path, 'select hex(body) from invoices')).toBe('00FF10');
    expect(valueOutside(path, 'select sum(priority) from jobs')).toBe(10);
    expect(
      valueOutside(
        path,
        "select group_concat(name || applied_at) from migrations where name like '%o%'",
      ),
    ).toContain('002_invoices5');
    expect(
      valueOutside(path, "select applied_at from migrations where name = '001_initial_schema'"),
    ).toBe(1_700_000_000);
  });

  it('may be a virtual table of an extension that we lack', async () => {
    createPublishedFile(path);
    const { default: Database } = await import('better-sqlite3');
    const db = new Database(path);
    db.unsafeMode(true);
    db.pragma('writable_schema = 1');
    db.exec(`insert into sqlite_master values
      ('table', 'embeddings', 'embeddings', 0, 'CREATE VIRTUAL TABLE embeddings USING vec0(v)')`);
    db.close();
    await (await PylonDb.open(path)).close();
  });
});
