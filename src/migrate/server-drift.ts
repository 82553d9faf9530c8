import type { SessionPool } from '../engine/postgres/pool.js';
import type { Session } from '../engine/postgres/session.js';
import { appliedDespiteDrift, type Drift, driftBetween, knownOf, tableProblem } from './drift.js';
import type { MigrationList } from './migration.js';
import { readServerLedger, readServerLedgerRows } from './postgres-ledger.js';
import { ScratchMigrator } from './scratch-migrator.js';
import { readServerSchema, type ServerObject } from './server-schema.js';

/** Where the migrations run to be compared with; it never outlives its transaction. */
const SCRATCH = 'pylon_db_scratch';

/** The names in a server's ledger, as {@link appliedDespiteDrift} gives them. */
export async function appliedOnServer(
  pool: SessionPool,
  list: MigrationList,
): Promise<readonly string[]> {
  return await pool.withSession((session) =>
    appliedDespiteDrift(list, {
      state: () => readServerLedger(session, list),
      rows: () => readServerLedgerRows(session),
    }),
  );
}

/**
 * What differs in the schema that comes first in the search path from one that only those of `list`
 * made that are `applied`. Other programs' objects, and their columns in our tables, are not drift. The migrations run in a
 * schema of their own that is rolled back; see {@link mayCreateNoSchema}.
 */
export async function findServerDrift(
  pool: SessionPool,
  list: MigrationList,
  applied: readonly string[],
): Promise<Drift[]> {
  return await pool.withSession(async (session) => {
    await session.raw('begin isolation level repeatable read', []);
    try {
      const { live, migrated } = await readBoth(session, knownOf(list, applied));
      return driftBetween(live, migrated, problemOf);
    } finally {
      await session.raw('rollback', []).catch(() => session.spoil());
    }
  });
}

/** Whether it failed because the role, or a server that follows another, may create no schema. */
export function mayCreateNoSchema(error: unknown): boolean {
  return error instanceof Error && 'code' in error && NO_SCHEMA.has(error.code);
}

/** Insufficient privilege, and a transaction that can't write. */
const NO_SCHEMA: ReadonlySet<unknown> = new Set(['42501', '25006']);

async function readBoth(session: Session, list: MigrationList) {
  const [place] = (
    await session.raw(
      `select current_setting('search_path') as path, quote_ident(current_schema()) as schema`,
      [],
    )
  ).rows;
  const [path, schema] = [String(place?.['path']), String(place?.['schema'])];
  await searchIn(session, schema);
  const live = await readServerSchema(session, schema);
  await session.raw(`create schema ${SCRATCH}`, []);
  // Types and functions that a service's migrations use may stand anywhere in the path.
  await searchIn(session, `${SCRATCH}, ${path}`);
  await new ScratchMigrator(session, list, '').up();
  await searchIn(session, SCRATCH);
  return { live, migrated: await readServerSchema(session, schema, SCRATCH) };
}

async function searchIn(session: Session, path: string): Promise<void> {
  await session.raw(`select set_config('search_path', $1, true)`, [path]);
}

function problemOf(expected: ServerObject, found: ServerObject): string | undefined {
  if (expected.type !== 'table' || found.type !== 'table') {
    return expected.sql === found.sql ? undefined : 'is redefined';
  }
  const columns = [...expected.columns].filter(([name, sql]) => found.columns.get(name) !== sql);
  const rules = new Set(expected.constraints.map(({ definition }) => definition));
  const foundRules = new Set(found.constraints.map(({ definition }) => definition));
  // What is only about another program's columns is that program's.
  const added = found.constraints.filter(
    ({ definition, columns }) =>
      !rules.has(definition) && columns.some((name) => expected.columns.has(name)),
  );
  return tableProblem(
    [...columns.map(([, sql]) => sql), ...[...rules].filter((rule) => !foundRules.has(rule))],
    added.map(({ definition }) => definition),
  );
}
