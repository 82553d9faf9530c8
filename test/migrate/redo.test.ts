import { sql } from 'kysely';
import { beforeEach, expect, it } from 'vitest';
import { migrations } from '../../migrations/index.js';
import { migrationsOf } from '../../src/cli/migrate/migrations-of.js';
import type { Migration, MigrationList } from '../../src/index.js';
import { ENGINE, type TestDatabase, testDatabase } from '../database.js';
import { failureOf } from '../engine/failure.js';

const adding = (column: string): Migration => ({
  async up({ context: db }) {
    await db.schema.alterTable('jobs').addColumn(column, 'integer').execute();
  },
  async down({ context: db }) {
    await db.schema.alterTable('jobs').dropColumn(column).execute();
  },
});

const list = (second: Migration): MigrationList => ({
  '002_first': async () => adding('first'),
  '003_second': async () => second,
});

let database: TestDatabase;

beforeEach(async () => {
  database = await testDatabase({ migrations: list(adding('old')) });
});

async function redo(second: Migration, name?: string): Promise<readonly string[]> {
  const { url } = database;
  const settings = { json: true, quiet: true, colour: false };
  const where =
    ENGINE === 'postgres' ? { path: url, serverUrl: url } : { path: url, serverUrl: undefined };
  const all = { ...migrations, ...list(second) };
  const stored = await migrationsOf({ ...settings, ...where }, all);
  return await stored.migrate('down', (migrator) => migrator.redo(name));
}

const ledger = () =>
  database.stored(
    "select name from migrations where name in ('002_first', '003_second') order by name",
  );
const both = [{ name: '002_first' }, { name: '003_second' }];

/** The down() of what is applied, the up() of what is written now. */
const edited: Migration = {
  up: adding('new').up,
  down: async (params) => adding('old').down?.(params),
};

it('reverts the newest migration and applies it as it is now', async () => {
  expect(await redo(edited)).toEqual(['003_second']);
  expect(await ledger()).toEqual(both);
  expect(await database.stored('select new, first from jobs')).toEqual([]);
  await expect(database.stored('select old from jobs')).rejects.toThrow();
});

it('reverts and applies the one that is named', async () => {
  expect(await redo(adding('old'), '002_first')).toEqual(['002_first']);
  expect(await ledger()).toEqual(both);
});

it('leaves all as it was when the second half fails', async () => {
  const failing: Migration = {
    ...edited,
    async up({ context: db }) {
      await sql`alter table jobs add column new integer`.execute(db);
      throw new Error('half');
    },
  };
  expect((await failureOf(redo(failing), 'MIGRATION_FAILED')).migration).toBe('003_second');
  expect(await ledger()).toEqual(both);
  expect(await database.stored('select old from jobs')).toEqual([]);
});

it('is refused without a down(), for one that is not applied, and for one that is not known', async () => {
  const { up } = edited;
  expect((await failureOf(redo({ up }), 'NOT_SUPPORTED')).message).toContain('003_second');
  const unknown = await failureOf(redo(edited, '009_other'), 'INVALID_ARGUMENT');
  expect(unknown.field).toBe('name');
  await database.writeByAnother("delete from migrations where name = '003_second'");
  const pending = await failureOf(redo(edited, '003_second'), 'INVALID_ARGUMENT');
  expect(pending.message).toContain('003_second is not applied');
  expect(await database.stored('select old from jobs')).toEqual([]);
});
