import type Database from 'better-sqlite3';
import { firstKeyword } from '../../engine/raw-sql.js';
import { PylonDbError } from '../../errors.js';

/** A value as SQLite stores it: integers are bigints, reals are numbers. */
export type QueryValue = string | number | bigint | Uint8Array | null;

/** A prepared statement that only asks; its rows are arrays. */
export type ReadStatement = Database.Statement<[], QueryValue[]>;

const QUESTIONS = new Set(['SELECT', 'WITH', 'VALUES']);

/** What a SELECT could call to run foreign code, or to change the file where it may be written. */
const REFUSED_NAMES = /\b(?:load_extension|pragma_optimize)\b/i;

/** The parts of SQL in which a name means nothing, and those in which a quote isn't one. */
const QUOTED = /'(?:[^']|'')*'?|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|"[^"]*"?|`[^`]*`?|\[[^\]]*\]?/g;

/**
 * Prepares the one statement of `sql`. Throws `INVALID_ARGUMENT` unless it is a SELECT, WITH or
 * VALUES that SQLite itself calls read-only: a read-only connection alone lets ATTACH through, and
 * VACUUM INTO leaves a file.
 */
export function prepareQuestion(db: Database.Database, sql: string): ReadStatement {
  refuseByText(sql);
  const statement = prepareOnly(db, sql);
  if (!statement.readonly || !statement.reader) throw wouldWrite();
  return statement.raw().safeIntegers();
}

function refuseByText(sql: string): void {
  if (sql.includes('\0')) throw refused('the SQL has a NUL character');
  assertQuestion(firstKeyword(sql));
  const [name] = REFUSED_NAMES.exec(withoutText(sql)) ?? [];
  if (name !== undefined) throw refused(`${name} is refused`);
}

/** Throws `INVALID_ARGUMENT` unless a statement with this first keyword asks; `''` stands for none. */
export function assertQuestion(keyword: string): void {
  if (keyword === 'EXPLAIN') {
    throw refused('EXPLAIN is an option here', 'Leave the word out, and add --explain.');
  }
  if (!QUESTIONS.has(keyword)) {
    throw refused(keyword === '' ? 'it begins with no keyword' : `${keyword} is refused`);
  }
}

/** The SQL without strings and comments; names in quotes stay. */
function withoutText(sql: string): string {
  return sql.replace(QUOTED, (part) => (/^['-/]/.test(part) ? ' ' : part));
}

function prepareOnly(db: Database.Database, sql: string): ReadStatement {
  try {
    return db.prepare<[], QueryValue[]>(sql);
  } catch (error) {
    // The driver's own error: the text holds more than the statement whose first word we know.
    if (error instanceof RangeError) throw severalStatements();
    throw error;
  }
}

/** `INVALID_ARGUMENT` for SQL that is not a question. */
export function refused(problem: string, hint = READS_ONLY): PylonDbError<'INVALID_ARGUMENT'> {
  return new PylonDbError('INVALID_ARGUMENT', problem, { field: 'sql' }, { hint });
}

const READS_ONLY = 'A query only reads: give one SELECT, WITH … SELECT or VALUES.';

/** What to say when the database refused a write. */
export function wouldWrite(): PylonDbError<'INVALID_ARGUMENT'> {
  return refused('the statement would write');
}

/** What to say when the text holds more than the statement whose first word we know. */
export function severalStatements(): PylonDbError<'INVALID_ARGUMENT'> {
  return refused('there are several statements');
}
