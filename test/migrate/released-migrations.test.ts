import { createHash } from 'node:crypto';
import {
  type Dialect,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { expect, it } from 'vitest';
import { migrations } from '../../migrations/index.js';
import type { Migration, MigrationParams } from '../../src/index.js';

type Engine = MigrationParams['engine'];

/**
 * The first 16 hex digits of the SHA-256 of all SQL that a migration runs, with its parameters. A
 * released migration's hash never changes: files have it applied, so a correction is a new migration.
 */
interface Hashes {
  readonly up: string;
  readonly down?: string;
}

const RELEASED: Readonly<Record<string, Readonly<Record<Engine, Hashes>>>> = {
  '001_initial_schema': {
    sqlite: { up: '9e8320d78f904c3a' },
    postgres: { up: '889e23204e8fdcb7' },
  },
  '002_pylon_db_indexes': {
    sqlite: { up: '7df744de2f08d1f0', down: '75e4b083878d79ee' },
    postgres: { up: '38c9559c4610809c', down: 'd25985f2ef90166d' },
  },
  '003_pylon_db_rollups': {
    sqlite: { up: '51d6cf41fb46545e', down: '78989d016b3b1372' },
    postgres: { up: 'b71ebf5c24f464b6', down: '533b26083d0561bc' },
  },
  '004_pylon_db_identity': {
    sqlite: { up: 'c531c5b0bda0cca0', down: 'cabe8794d9dea5f5' },
    postgres: { up: 'cc59d5c661097672', down: 'cabe8794d9dea5f5' },
  },
  // Not released yet.
  '005_pylon_db_earning_hours': {
    sqlite: { up: '966ff18ab2312df8', down: '33284e8b25181613' },
    postgres: { up: '28208825d946e3ea', down: 'a9c252208022fbb4' },
  },
};

/** Compiles for the engine and answers every statement with no rows. */
function recordingDialect(engine: Engine): Dialect {
  const createDriver = () => new DummyDriver();
  return engine === 'postgres'
    ? {
        createDriver,
        createAdapter: () => new PostgresAdapter(),
        createIntrospector: (db) => new PostgresIntrospector(db),
        createQueryCompiler: () => new PostgresQueryCompiler(),
      }
    : {
        createDriver,
        createAdapter: () => new SqliteAdapter(),
        createIntrospector: (db) => new SqliteIntrospector(db),
        createQueryCompiler: () => new SqliteQueryCompiler(),
      };
}

async function hashOf(migrate: Migration['up'], engine: Engine, name: string): Promise<string> {
  const hash = createHash('sha256');
  const context = new Kysely<unknown>({
    dialect: recordingDialect(engine),
    log: ({ query }) => {
      hash.update(JSON.stringify([query.sql, query.parameters]));
    },
  });
  await migrate({ name, context, engine });
  return hash.digest('hex').slice(0, 16);
}

async function hashesOf(name: string, engine: Engine): Promise<Hashes> {
  const migration = await migrations[name]?.();
  if (migration === undefined) throw new Error(`No migration ${name}`);
  const { up, down } = migration;
  return {
    up: await hashOf(up, engine, name),
    ...(down === undefined ? {} : { down: await hashOf(down, engine, name) }),
  };
}

it.each(Object.entries(RELEASED))(
  '%s runs the SQL that it was released with',
  async (name, released) => {
    expect({
      sqlite: await hashesOf(name, 'sqlite'),
      postgres: await hashesOf(name, 'postgres'),
    }).toEqual(released);
  },
);

it('no migration is without its hashes', () => {
  expect(Object.keys(RELEASED)).toEqual(Object.keys(migrations));
});

const adds =
  (column: string): Migration['up'] =>
  async ({ context }) => {
    await context.schema.alterTable('jobs').addColumn(column, 'text').execute();
  };

it.each(['sqlite', 'postgres'] as const)(
  'one other letter of the SQL gives another hash, on %s',
  async (engine) => {
    const hash = await hashOf(adds('priority'), engine, 'any');
    expect(await hashOf(adds('prioritY'), engine, 'any')).not.toBe(hash);
    expect(await hashOf(adds('priority'), engine, 'any')).toBe(hash);
  },
);
