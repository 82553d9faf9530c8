import type Database from 'better-sqlite3';
import { PylonDbError } from '../../errors.js';
import { type RawResult, setColumn } from '../kysely-connection.js';
import { firstKeyword } from '../raw-sql.js';
import { isBusy } from './sqlite-errors.js';

/** A prepared ad-hoc statement: its rows come as arrays, its integers as bigints. */
export type RawStatement = Database.Statement<unknown[], unknown>;

/**
 * Runs an ad-hoc statement and gives its rows as objects. An integer that a JavaScript number can't
 * hold throws `OUT_OF_RANGE` naming the column: the driver alone would round it without a word.
 */
export function runRaw(statement: RawStatement, parameters: readonly unknown[]): RawResult {
  if (!statement.reader) {
    const { changes, lastInsertRowid } = statement.run(parameters);
    return { rows: [], changes: BigInt(changes), lastInsertRowid: BigInt(lastInsertRowid) };
  }
  const values = statement.all(parameters);
  // Asked after it ran: only then has SQLite noticed a foreign ALTER.
  const names = statement.columns().map((column) => column.name);
  const rows = values.map((row) => asObject(names, row));
  if (statement.readonly || GIVING_NO_ROWS_OF_TABLES.has(firstKeyword(statement.source))) {
    return { rows };
  }
  return { rows, changes: BigInt(rows.length) };
}

/** SQLite calls them writes: EXPLAIN like what it explains, some PRAGMAs for their other form. */
const GIVING_NO_ROWS_OF_TABLES: ReadonlySet<string> = new Set(['EXPLAIN', 'PRAGMA']);

/** Whether a statement changes nothing, by its words or by what SQLite says of the prepared one. */
export function changesNothing(
  asks: 'yes' | 'of the writer' | 'perhaps' | 'no',
  prepare: () => RawStatement | undefined,
): boolean {
  if (asks !== 'perhaps') return asks === 'yes';
  try {
    return prepare()?.readonly === true;
  } catch (error) {
    // Locked out of the schema for a moment: the queue's wait serves a read as well.
    if (isBusy(error)) return false;
    throw error;
  }
}

/** Gives one raw row its column names. Later columns win over earlier ones of the same name. */
export function asObject(names: readonly string[], row: unknown): Record<string, unknown> {
  const values: readonly unknown[] = Array.isArray(row) ? row : [];
  const result: Record<string, unknown> = {};
  for (const [i, name] of names.entries()) {
    const value = values[i];
    setColumn(result, name, typeof value === 'bigint' ? toSafeNumber(value, name) : value);
  }
  return result;
}

/** An integer as a number. Throws `OUT_OF_RANGE`, naming its column. */
export function toSafeNumber(value: bigint, column: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new PylonDbError(
    'OUT_OF_RANGE',
    `column ${column} holds an integer beyond 2^53-1`,
    { column },
    { hint: 'Cast it to text in the query and read it as a BigInt.' },
  );
}
