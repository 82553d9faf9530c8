import type Database from 'better-sqlite3';
import { IN_MEMORY, openWriter } from '../engine/sqlite/open.js';
import { isMark, type SqlToken, tableDefinitions, tokenizeSql } from '../schema/sql-tokens.js';
import {
  appliedDespiteDrift,
  type Drift,
  driftBetween,
  knownOf,
  type SchemaObject,
  tableProblem,
} from './drift.js';
import { readLedgerRows } from './ledger.js';
import type { MigrationList } from './migration.js';
import { Migrator } from './migrator.js';
import { readLedger } from './schema-check.js';

/** The names in a file's ledger, as {@link appliedDespiteDrift} gives them. */
export async function appliedInFile(
  db: Database.Database,
  list: MigrationList,
): Promise<readonly string[]> {
  return await appliedDespiteDrift(list, {
    state: () => readLedger(db, list),
    rows: () => readLedgerRows(db),
  });
}

/**
 * What differs in `live` from a database that only those of `list` made that are `applied`. Other
 * programs' objects, and their columns in our tables, are not drift; nor are case, quotes, comments
 * and white space.
 */
export async function findFileDrift(
  live: Database.Database,
  list: MigrationList,
  applied: readonly string[],
): Promise<Drift[]> {
  const props = { path: IN_MEMORY, busyTimeoutMs: 0 };
  const db = await openWriter({ ...props, durability: 'normal' });
  try {
    await new Migrator({ ...props, db, list: knownOf(list, applied) }).up();
    return driftBetween(readObjects(live), readObjects(db), problemOf);
  } finally {
    db.close();
  }
}

function readObjects(db: Database.Database): SchemaObject[] {
  return db
    .prepare<[], SchemaObject>(
      `select lower(name) as key, type, name, sql from sqlite_master
       where sql is not null and name not like 'sqlite\\_%' escape '\\'
       order by type desc, name`,
    )
    .all();
}

/** Others may have added columns; ours, the constraints and the table's options must stand. */
function problemOf(expected: SchemaObject, found: SchemaObject): string | undefined {
  const [wanted, actual] = [tokenizeSql(expected.sql), tokenizeSql(found.sql)];
  if (normal(wanted) === normal(actual)) return undefined;
  if (expected.type !== 'table' || found.type !== 'table') return 'is redefined';
  const [ours, theirs] = [tableDefinitions(wanted), tableDefinitions(actual)];
  const [made, there] = [new Set(ours.map(normal)), new Set(theirs.map(normal))];
  const changed = ours.filter((definition) => !there.has(normal(definition)));
  const added = theirs.filter(
    (definition) => isConstraint(definition) && !made.has(normal(definition)),
  );
  const other = options(wanted) === options(actual) ? [] : ['has other table options'];
  return tableProblem(changed.map(sqlOf), added.map(sqlOf), ...other);
}

const CONSTRAINT = /^(?:constraint|primary|unique|check|foreign)$/i;

function isConstraint([first]: readonly SqlToken[]): boolean {
  return first?.kind === 'word' && CONSTRAINT.test(first.text);
}

/** What stands behind the closing parenthesis: WITHOUT ROWID, STRICT. */
function options(tokens: readonly SqlToken[]): string {
  return normal(tokens.slice(tokens.findLastIndex((token) => isMark(token, ')')) + 1));
}

/** Equal for the same SQL, however it is quoted and laid out. */
function normal(tokens: readonly SqlToken[]): string {
  return tokens
    .map(({ kind, text }) => (kind === 'string' ? `'${text}'` : text.toLowerCase()))
    .join('\u0000');
}

function sqlOf(tokens: readonly SqlToken[]): string {
  return tokens
    .map(({ kind, text }) => (kind === 'string' ? `'${text.replaceAll("'", "''")}'` : text))
    .join(' ')
    .replace(/ (?=[,)(])|(?<=\() /g, '');
}
