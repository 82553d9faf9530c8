import type Database from 'better-sqlite3';
import { PylonDbError } from '../errors.js';
import { PUBLISHED_NAMES } from '../schema/names.js';
import { DATA_TABLES, LEDGER, type PublishedTable } from '../schema/tables.js';
import { fileIndexProblems, readFileFacts } from './file-facts.js';
import { readLedgerNames } from './ledger.js';
import type { MigrationList, MigrationParams } from './migration.js';
import { INITIAL_MIGRATION, OUR_MIGRATION } from './migration-names.js';
import { type LiveTables, publishedProblems } from './published-check.js';

/** What a file's ledger says, next to the migrations that we know. */
export interface LedgerState {
  /** Names in the order they were applied, other programs' included. */
  readonly applied: readonly string[];
  /** Names of our list that are not applied, in the list's order. */
  readonly pending: readonly string[];
  /** Whether published tables are there, as published, whose ledger row is not. */
  readonly isHalfMade: boolean;
}

/**
 * Reads the ledger and compares the file with the published schema, writing nothing. Throws
 * `SCHEMA_MISMATCH` for another program's file, a newer pylon-db's, or one whose published tables
 * or columns are missing or of another type, and the driver's error while another process is in
 * the way. A file of the published SQL whose ledger doesn't know it is half made.
 */
export function readLedger(
  db: Database.Database,
  list: MigrationList,
  operation = '',
): LedgerState {
  // One transaction: between two looks another process may commit the first migration.
  return db.transaction(() => lookAtLedger(db, list, operation))();
}

function lookAtLedger(db: Database.Database, list: MigrationList, operation: string): LedgerState {
  const tables = columnTypes(db);
  const applied = hasLedger(tables) ? readLedgerNames(db) : [];
  return judgeLedger(
    {
      kind: 'file',
      tables,
      applied,
      standing: applied.includes(INITIAL_MIGRATION) ? NOTHING : standingInFile(db),
      foreignOwnerEvidence: () => foreignOwnerEvidence(db),
    },
    list,
    operation,
  );
}

/** Published tables and indexes, by their names. */
export interface Standing {
  readonly tables: readonly string[];
  /** What of them is not as published. */
  readonly problems: readonly string[];
}

/** For a database whose first migration is applied: it is not asked. */
export const NOTHING: Standing = { tables: [], problems: [] };

/** What stands of the published schema, of all that was found there. */
export function standingOf(
  live: LiveTables,
  indexProblems: readonly string[],
  engine: MigrationParams['engine'],
): Standing {
  const problems = publishedProblems(live, engine).filter(({ table }) => live.has(table));
  return {
    tables: [...live.keys()],
    problems: [...problems.map(({ problem }) => problem), ...indexProblems],
  };
}

function standingInFile(db: Database.Database): Standing {
  return standingOf(readFileFacts(db), fileIndexProblems(db), 'sqlite');
}

/** What a database says of itself. */
export interface LiveSchema {
  /** What it is called in errors. */
  readonly kind: 'file' | 'schema';
  /** The published tables that are there, and the type of each of their columns. */
  readonly tables: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** The ledger's names in their order; none where {@link hasLedger} says so. */
  readonly applied: readonly string[];
  /** What stands of the published schema where its first migration is not applied. */
  readonly standing: Standing;
  /** What shows that another program uses it, besides a ledger. */
  foreignOwnerEvidence(): readonly string[];
}

/** Whether there is a ledger whose names can be read. */
export function hasLedger(tables: LiveSchema['tables']): boolean {
  const ledger = tables.get('migrations');
  return ledger !== undefined && compare(LEDGER, ledger).length === 0;
}

/** Compares a database with the published schema and the list. Throws `SCHEMA_MISMATCH`. */
export function judgeLedger(live: LiveSchema, list: MigrationList, operation: string): LedgerState {
  const { tables, applied, standing } = live;
  const ledger = tables.get('migrations');
  if (ledger !== undefined) {
    const problems = compare(LEDGER, ledger);
    if (problems.length > 0) throw mismatch(operation, problems);
  }
  refuseNewer(live, list, operation);
  const pending = Object.keys(list).filter((name) => !applied.includes(name));
  if (applied.includes(INITIAL_MIGRATION)) {
    const problems = DATA_TABLES.flatMap((table) => compare(table, tables.get(table.name)));
    if (problems.length > 0) throw mismatch(operation, problems);
    return { applied, pending, isHalfMade: false };
  }
  if (standing.tables.every((name) => name === 'migrations')) {
    // One that has only a ledger may be anybody's.
    refuseAnother(live, operation);
    // On a server the step that makes the tables has made it.
    return { applied, pending, isHalfMade: live.kind === 'file' && ledger !== undefined };
  }
  if (standing.problems.length > 0) throw another(operation, standing.problems);
  return { applied, pending, isHalfMade: true };
}

function refuseNewer({ applied, kind }: LiveSchema, list: MigrationList, operation: string): void {
  const newer = applied.filter((name) => OUR_MIGRATION.test(name) && !Object.hasOwn(list, name));
  if (newer.length === 0) return;
  throw mismatch(
    operation,
    newer.map((name) => `migration ${name} is applied, but unknown here`),
    { hint: `A newer pylon-db wrote this ${kind}. Update this one.` },
  );
}

/** Throws `SCHEMA_MISMATCH` because migrations are pending. */
export function refusePending(operation: string, pending: readonly string[]): never {
  throw mismatch(operation, [`migrations are pending: ${pending.join(', ')}`], {
    hint: 'Run `pylon-db migrate up`, or open without migrate: false.',
    pending,
  });
}

/**
 * Throws for a database without the published schema that another program uses. Many programs call
 * their ledger `migrations`; ours begins with the published schema, tables and row in one step.
 */
function refuseAnother({ applied, foreignOwnerEvidence }: LiveSchema, operation: string): void {
  const signs = [
    ...applied.map((name) => `migration ${name} is applied`),
    ...foreignOwnerEvidence(),
  ];
  if (signs.length > 0) throw another(operation, signs);
}

function another(operation: string, signs: readonly string[]): PylonDbError {
  return mismatch(operation, [...signs, `${INITIAL_MIGRATION} is not applied`], {
    hint: "This is another program's database. Give the path of a pylon.db file.",
  });
}

function foreignOwnerEvidence(db: Database.Database): string[] {
  const signs: string[] = [];
  const table = db.prepare(
    `select 1 from sqlite_master
     where name not like 'sqlite\\_%' escape '\\' and tbl_name <> 'migrations'`,
  );
  if (table.get() !== undefined) signs.push('it has tables');
  for (const pragma of ['application_id', 'user_version']) {
    const value = db.pragma(pragma, { simple: true });
    if (value !== 0) signs.push(`its ${pragma} is ${String(value)}`);
  }
  return signs;
}

/** The published tables that are there. Others' may be virtual tables whose module we lack. */
function columnTypes(db: Database.Database): Map<string, Map<string, string>> {
  const rows = db
    .prepare<[string], { table: string; column: string; type: string }>(
      `select m.name as "table", c.name as "column", upper(c.type) as type
       from sqlite_master m join pragma_table_xinfo(m.name) c
       where m.type = 'table' and m.name in (select value from json_each(?))`,
    )
    .all(JSON.stringify(PUBLISHED_NAMES));
  const tables = new Map<string, Map<string, string>>();
  for (const { table, column, type } of rows) {
    const columns = tables.get(table) ?? new Map<string, string>();
    tables.set(table, columns.set(column, type));
  }
  return tables;
}

/** Only what every call needs: a file that another program changed otherwise is opened all the same. */
function compare(
  { name: table, columns }: PublishedTable,
  live: ReadonlyMap<string, string> | undefined,
): string[] {
  if (live === undefined) return [`table ${table} is missing`];
  return columns.flatMap(({ name: column, kind }) => {
    const found = live.get(column);
    const type = kind.toUpperCase();
    if (found === undefined) return [`column ${table}.${column} is missing`];
    return found === type ? [] : [`column ${table}.${column} is ${found}, not ${type}`];
  });
}

function mismatch(
  operation: string,
  problems: readonly string[],
  more: { readonly hint?: string; readonly pending?: readonly string[] } = {},
): PylonDbError {
  const { hint = 'Compare the file with the published schema, or restore a backup.', pending } =
    more;
  return new PylonDbError(
    'SCHEMA_MISMATCH',
    `the database doesn't fit: ${problems.join('; ')}`,
    pending === undefined ? { problems } : { problems, pending },
    { operation, hint },
  );
}
