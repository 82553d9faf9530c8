import { isPylonDbError } from '../errors.js';
import type { LedgerRow } from './ledger.js';
import type { MigrationList } from './migration.js';
import { INITIAL_MIGRATION, OUR_MIGRATION } from './migration-names.js';
import type { LedgerState } from './schema-check.js';

/** One object of the schema that is not as its migrations made it. */
export interface Drift {
  readonly type: string;
  readonly name: string;
  /** What is wrong, in words. */
  readonly problem: string;
  /** The SQL that the migrations give; `null` for an object that none of them makes. */
  readonly expected: string | null;
  /** The SQL in the database; `null` when the object is missing. */
  readonly found: string | null;
}

/** One object of a schema. */
export interface SchemaObject {
  /** What no other object of the schema is called. */
  readonly key: string;
  readonly type: string;
  readonly name: string;
  readonly sql: string;
}

/** Names of this form are ours, so that one which no migration makes is drift too. */
const OURS = /^(?:(?:trigger|function) )?pylon_db_/;

/** What differs in `live` from what only migrations made; `problemOf` compares an object with itself. */
export function driftBetween<Found extends SchemaObject>(
  live: readonly Found[],
  migrated: readonly Found[],
  problemOf: (expected: Found, found: Found) => string | undefined,
): Drift[] {
  const there = new Map(live.map((object) => [object.key, object]));
  const expected = new Set(migrated.map(({ key }) => key));
  const changed = migrated.flatMap((object): Drift[] => {
    const { key, type, name, sql } = object;
    const found = there.get(key);
    const problem = found === undefined ? 'is missing' : problemOf(object, found);
    return problem === undefined
      ? []
      : [{ type, name, problem, expected: sql, found: found?.sql ?? null }];
  });
  const added = live.filter(({ key }) => OURS.test(key) && !expected.has(key));
  const problem = 'belongs to no applied migration';
  return [
    ...changed,
    ...added.map(({ type, name, sql }) => ({ type, name, problem, expected: null, found: sql })),
  ];
}

/** What a table lacks and has too much, in words; `undefined` for neither. */
export function tableProblem(
  lacks: readonly string[],
  has: readonly string[],
  ...more: readonly string[]
): string | undefined {
  const lines = [
    ...lacks.map((sql) => `lacks «${sql}»`),
    ...has.map((sql) => `has «${sql}»`),
    ...more,
  ];
  return lines.length === 0 ? undefined : lines.join(', ');
}

/** The migrations of `list` that are applied. */
export function knownOf(list: MigrationList, applied: readonly string[]): MigrationList {
  return Object.fromEntries(Object.entries(list).filter(([name]) => applied.includes(name)));
}

/** How the ledger of a file or server is read. */
interface LedgerReader {
  state(): LedgerState | Promise<LedgerState>;
  rows(): readonly LedgerRow[] | Promise<readonly LedgerRow[]>;
}

/**
 * The names in the ledger, oldest first; a published table that drifted is not a reason to look away.
 * Throws `SCHEMA_MISMATCH` for another program's database and a newer pylon-db's.
 */
export async function appliedDespiteDrift(
  list: MigrationList,
  ledger: LedgerReader,
): Promise<readonly string[]> {
  try {
    return (await ledger.state()).applied;
  } catch (error) {
    if (!isPylonDbError(error, 'SCHEMA_MISMATCH')) throw error;
    const applied = await namesIn(ledger);
    const isNewer = (name: string) => OUR_MIGRATION.test(name) && !Object.hasOwn(list, name);
    if (!applied.includes(INITIAL_MIGRATION) || applied.some(isNewer)) throw error;
    return applied;
  }
}

/** None for a ledger of another shape, which can't be asked. */
async function namesIn(ledger: LedgerReader): Promise<readonly string[]> {
  try {
    return (await ledger.rows()).map(({ name }) => name);
  } catch {
    return [];
  }
}
