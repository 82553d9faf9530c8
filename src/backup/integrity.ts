import Database from 'better-sqlite3';
import { isMisfit } from '../engine/sqlite/sqlite-errors.js';
import { PylonDbError } from '../errors.js';
import { quoted } from '../schema/tables.js';

// Pragmas and the schema: the builder has no words for them.

/** A table of which SQLite can't compute something: a generated column, an index or a CHECK. */
export interface Uncomputed {
  readonly table: string;
  /** The generated columns at fault; none where something else is. */
  readonly columns: readonly string[];
  /** SQLite's. */
  readonly words: string;
}

/**
 * What SQLite says of the file's pages, a line each, with the table or index that a page is of, and
 * the tables that stop it: without them the others are checked. Throws the driver's other errors, after
 * the lines that came before.
 */
export function* integrityOf(
  db: Database.Database,
  pragma: 'integrity_check' | 'quick_check',
): Generator<string | Uncomputed> {
  const lines: string[] = [];
  try {
    read(db, `pragma ${pragma}`, [], lines);
  } catch (error) {
    if (isExpressions(error)) {
      for (const table of tablesOf(db)) yield* integrityOfTable(db, pragma, table);
      return;
    }
    yield* withNames(db, lines);
    throw error;
  }
  yield* withNames(db, lines);
}

function* integrityOfTable(
  db: Database.Database,
  pragma: string,
  table: string,
): Generator<string | Uncomputed> {
  const lines: string[] = [];
  try {
    read(db, `select * from pragma_${pragma}(?)`, [table], lines);
  } catch (error) {
    if (!isExpressions(error)) throw error;
    yield { table, columns: columnsAtFault(db, table), words: error.message };
  }
  yield* withNames(db, lines);
}

/** Reads them one by one: what is reported before SQLite gives up counts too. */
function read(db: Database.Database, sql: string, parameters: string[], lines: string[]): void {
  for (const text of db
    .prepare<string[], string>(sql)
    .pluck()
    .iterate(...parameters)) {
    // One row may hold several lines, the first of them the name of the database above the others.
    lines.push(...text.split('\n').filter((line) => line !== 'ok' && !line.startsWith('***')));
  }
}

/** `Tree 4 page 301: …` names a tree by its first page; the schema, unless it is damaged, says whose. */
function* withNames(db: Database.Database, lines: readonly string[]): Generator<string> {
  const trees = lines.some((line) => TREE.test(line)) ? treesOf(db) : new Map<number, string>();
  for (const line of lines) {
    const name = trees.get(Number(TREE.exec(line)?.[1]));
    yield name === undefined ? line : `${name}: ${line}`;
  }
}

const TREE = /^Tree (\d+) /;

function treesOf(db: Database.Database): Map<number, string> {
  try {
    const objects = db
      .prepare<[], [root: number, name: string]>(
        `select rootpage, type || ' ' || name || iif(type = 'index', ' of ' || tbl_name, '')
         from sqlite_master where rootpage > 0`,
      )
      .raw()
      .all();
    return new Map([[1, 'the schema'], ...objects]);
  } catch {
    // It is damaged itself.
    return new Map();
  }
}

/** Whether an expression of the schema failed: with a value beyond SQLite's limit, or a function that it lacks. */
function isExpressions(error: unknown): error is InstanceType<typeof Database.SqliteError> {
  const isTooBig = error instanceof Database.SqliteError && error.code === 'SQLITE_TOOBIG';
  return isTooBig || isMisfit(error);
}

function columnsAtFault(db: Database.Database, table: string): string[] {
  const generated = db
    .prepare<[string], string>('select name from pragma_table_xinfo(?) where hidden in (2, 3)')
    .pluck()
    .all(table);
  return generated.filter((column) => {
    try {
      db.prepare(`select count(${quoted(column)}) from ${quoted(table)} not indexed`).get();
      return false;
    } catch (error) {
      if (isExpressions(error)) return true;
      throw error;
    }
  });
}

/** Tables that have rows of their own: virtual ones may be of a module that we lack. */
export function tablesOf(db: Database.Database): string[] {
  return db
    .prepare<[], string>(
      `select name from sqlite_master
       where type = 'table' and rootpage > 0 and name not like 'sqlite\\_%' escape '\\'
       order by name`,
    )
    .pluck()
    .all();
}

/** The table or index that a line of {@link integrityOf} names; `undefined` where SQLite names none. */
export function objectIn(line: string): string | undefined {
  return /^(.+): Tree \d+ /.exec(line)?.[1];
}

/** What an {@link Uncomputed} is named in a sentence. */
export function namesOf({ table, columns }: Uncomputed): string {
  if (columns.length === 0) return `an index or CHECK of ${table}`;
  return columns.map((column) => `${table}.${column}`).join(', ');
}

/** `SCHEMA_MISMATCH` naming the column whose value stopped work on all tables; other errors as they are. */
export function whatStopped(db: Database.Database, error: unknown): unknown {
  if (!isExpressions(error)) return error;
  for (const found of integrityOf(db, 'integrity_check')) {
    if (typeof found !== 'string') return uncomputed(found, error);
  }
  return error;
}

function uncomputed(found: Uncomputed, cause: unknown): PylonDbError<'SCHEMA_MISMATCH'> {
  const problem = `${namesOf(found)} can't be computed: ${found.words}`;
  return new PylonDbError(
    'SCHEMA_MISMATCH',
    problem,
    { problems: [problem] },
    {
      cause,
      hint: `Drop that column or index of ${found.table} with the program that added it. Backups can be made meanwhile.`,
    },
  );
}
