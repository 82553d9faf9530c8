import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Kysely, SqliteDialect } from 'kysely';
import { describe, expect, it } from 'vitest';
import { migrations } from '../../migrations/index.js';
import { type Migration, type MigrationList, PylonDb } from '../../src/index.js';
import { UmzugKyselyMigrator } from '../../src/migrate/kysely-migrator.js';
import { pylonDb } from '../cli/command.js';
import { failureOf } from '../engine/failure.js';
import { valueOutside } from '../engine/outside.js';
import { temporaryFolder } from '../temporary.js';

const BAD = [
  '20261126',
  '0',
  '',
  '002_a\0b',
  '_002',
  '-x',
  '002 a',
  '002.ts',
  'été',
  '002/a',
  '__proto__',
];

const load = async (): Promise<Migration> => ({ async up() {} });

const listOf = (name: string): MigrationList => Object.fromEntries([[name, load]]);

describe.each(BAD)('the name %j of a migration is refused', (name) => {
  it('by open, before anything is made', async () => {
    const path = join(temporaryFolder(), 'pylon.db');
    const error = await failureOf(
      PylonDb.open(path, { migrations: listOf(name) }),
      'INVALID_ARGUMENT',
    );
    expect(error.field).toBe('migrations');
    expect(error.message).toContain(JSON.stringify(name));
    expect(existsSync(path)).toBe(false);
  });

  it("by the list of kysely-ctl's adapter", () => {
    const db = new Kysely<unknown>({
      dialect: new SqliteDialect({ database: async () => never() }),
    });
    const props = {
      path: ':memory:',
      durability: 'normal',
      busyTimeoutMs: 0,
      operation: 'x',
    } as const;
    expect(() => new UmzugKyselyMigrator(db, props, { ...migrations, ...listOf(name) })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', field: 'migrations' }),
    );
  });
});

it('a bad name is refused on the command line as well', async () => {
  const folder = temporaryFolder();
  const file = join(folder, 'list.mjs');
  writeFileSync(file, 'export const migrations = { "20261126": async () => ({ async up() {} }) };');
  const path = join(folder, 'pylon.db');
  const outcome = await pylonDb(['migrate', 'up', '--migrations', file, '--db', path]);
  expect([outcome.exitCode, outcome.stdout]).toEqual([2, '']);
  expect(outcome.stderr).toContain(`"20261126" can't be the name of a migration`);
  expect(existsSync(path)).toBe(false);
});

it.each(['002_add-priority', 'a', '2026-11-26_x', '002x'])('the name %s is fine', async (name) => {
  const path = join(temporaryFolder(), 'pylon.db');
  await (await PylonDb.open(path, { migrations: listOf(name) })).close();
  expect(valueOutside(path, `select count(*) from migrations where name = '${name}'`)).toBe(1);
});

describe('a migration that was renamed after it was applied', () => {
  const table = (name: string) => async (): Promise<Migration> => ({
    async up({ context: db }) {
      await db.schema.createTable(name).addColumn('id', 'integer').execute();
    },
  });
  const first = { '002_a': table('a'), '003_tasks': table('b'), '004_c': table('c') };

  it.each([
    [
      'in its words',
      { '002_a': table('a'), '003_tasks': table('b'), '004_clients': table('c') },
      '004_c',
    ],
    [
      'in its number',
      { '002_a': table('a'), '005_tasks': table('b'), '004_c': table('c') },
      '003_tasks',
    ],
    [
      'altogether',
      { '002_a': table('a'), '2027_chores': table('b'), '004_c': table('c') },
      '003_tasks',
    ],
  ])('%s fails with a hint that names the old one', async (_, renamed, old) => {
    const path = join(temporaryFolder(), 'pylon.db');
    await (await PylonDb.open(path, { migrations: first })).close();
    const error = await failureOf(PylonDb.open(path, { migrations: renamed }), 'MIGRATION_FAILED');
    expect(error.hint).toContain(`The ledger has ${old}, which the list lacks`);
  });
});

function never(): never {
  throw new Error('no connection is needed');
}
