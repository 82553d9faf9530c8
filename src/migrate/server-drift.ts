import type { SessionPool } from '../engine/postgres/pool.js';
import type { Session } from '../engine/postgres/session.js';
import { isPylonDbError } from '../errors.js';
import type { Drift } from './drift.js';
import type { MigrationList } from './migration.js';
import { INITIAL_MIGRATION, OUR_MIGRATION } from './migration-names.js';
import { readServerLedger, readServerLedgerRows } from './postgres-ledger.js';
import { ScratchMigrator } from './scratch-migrator.js';
import { readServerSchema, type ServerObject } from './server-schema.js';

/** Names of this form are ours, so that one which no migration makes is drift too. */
const OURS = /^pylon_db_/;

/** Where the migrations run to be compared with; it never outlives its transaction. */
const SCRATCH = 'pylon_db_scratch';

/**
 * The names in the ledger, oldest first; a published table that drifted is not a reason to look away.
 * Throws `SCHEMA_MISMATCH` for another program's schema and a newer pylon-db's.
 */
export async function appliedOnServer(
  pool: SessionPool,
  list: MigrationList,
): Promise<readonly string[]> {
  return await pool.withSession(async (session) => {
    try {
      return (await readServerLedger(session, list)).applied;
    } catch (error) {
      if (!isPylonDbError(error, 'SCHEMA_MISMATCH')) throw error;
      // A ledger of another shape can't be asked.
      const rows = await readServerLedgerRows(session).catch(() => []);
      const applied = rows.map(({ name }) => name);
      const isNewer = (name: string) => OUR_MIGRATION.test(name) && !Object.hasOwn(list, name);
      if (!applied.includes(INITIAL_MIGRATION) || applied.some(isNewer)) throw error;
      return applied;
    }
  });
}

/**
 * What differs in the schema that comes first in the search path from one that only `list` made.
 * Other programs' objects, and their columns in our tables, are not drift. The migrations run in a
 * schema of their own that is rolled back; see {@link mayCreateNoSchema}.
 */
export async function findServerDrift(pool: SessionPool, list: MigrationList): Promise<Drift[]> {
  return await pool.withSession(async (session) => {
    await session.raw('begin isolation level repeatable read', []);
    try {
      const { live, migrated } = await readBoth(session, list);
      return compare(live, migrated);
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
  const live = await readServerSchema(session);
  await session.raw(`create schema ${SCRATCH}`, []);
  // Types and functions that a service's migrations use may stand anywhere in the path.
  await searchIn(session, `${SCRATCH}, ${path}`);
  await new ScratchMigrator(session, list, '').up();
  await searchIn(session, SCRATCH);
  const migrated = await readServerSchema(session);
  return { live: live.map(named(schema)), migrated: migrated.map(named(schema, SCRATCH)) };
}

async function searchIn(session: Session, path: string): Promise<void> {
  await session.raw(`select set_config('search_path', $1, true)`, [path]);
}

/** Takes the names of schemas out of what the server reported all the same. */
function named(...schemas: readonly string[]): (object: ServerObject) => ServerObject {
  const unqualified = (sql: string) =>
    schemas.reduce((text, schema) => text.replaceAll(`${schema}.`, ''), sql);
  return (object) => ({
    ...object,
    definition: unqualified(object.definition),
    columns: new Map([...object.columns].map(([name, sql]) => [name, unqualified(sql)])),
    constraints: object.constraints.map((rule) => ({
      ...rule,
      definition: unqualified(rule.definition),
    })),
  });
}

function compare(live: readonly ServerObject[], migrated: readonly ServerObject[]): Drift[] {
  const found = new Map(live.map((object) => [keyOf(object), object]));
  const expected = new Set(migrated.map(keyOf));
  const drift: Drift[] = [];
  for (const object of migrated) {
    const there = found.get(keyOf(object));
    const problem = problemOf(object, there);
    if (problem === undefined) continue;
    drift.push({ ...driftOf(object, problem), found: there?.definition ?? null });
  }
  for (const object of live) {
    if (!OURS.test(object.name) || expected.has(keyOf(object))) continue;
    const problem = 'belongs to no applied migration';
    drift.push({ ...driftOf(object, problem), expected: null, found: object.definition });
  }
  return drift;
}

/** Tables, views and indexes share their names; triggers have their own. */
function keyOf({ type, name }: ServerObject): string {
  return `${type === 'trigger'} ${name}`;
}

function driftOf({ type, name, definition }: ServerObject, problem: string) {
  return { type, name, problem, expected: definition };
}

function problemOf(expected: ServerObject, found: ServerObject | undefined): string | undefined {
  if (found === undefined) return 'is missing';
  if (expected.type !== 'table' || found.type !== 'table') {
    return expected.definition === found.definition ? undefined : 'is redefined';
  }
  const lacks = [...expected.columns]
    .filter(([name, sql]) => found.columns.get(name) !== sql)
    .map(([, sql]) => sql);
  const rules = new Set(expected.constraints.map(({ definition }) => definition));
  const foundRules = new Set(found.constraints.map(({ definition }) => definition));
  // What is only about another program's columns is that program's.
  const added = found.constraints.filter(
    ({ definition, columns }) =>
      !rules.has(definition) && columns.some((name) => expected.columns.has(name)),
  );
  const lines = [
    ...[...lacks, ...[...rules].filter((rule) => !foundRules.has(rule))].map(
      (sql) => `lacks «${sql}»`,
    ),
    ...added.map(({ definition }) => `has «${definition}»`),
  ];
  return lines.length === 0 ? undefined : lines.join(', ');
}
