import { PylonDbError } from '../../errors.js';
import type { CopiedColumn, CopiedTable } from './tables.js';

/** A value as SQLite gives it: integers are bigints. */
export type SqliteValue = string | number | bigint | Uint8Array | null;

/** A row on its way: each value as text, integers in decimal; never a JavaScript number. */
export type CopiedRow = readonly (string | null)[];

/**
 * A row of a file as it is copied. Throws `CORRUPT_ROW` for what no sound database stores, naming
 * table, column and key: other programs wrote it.
 */
export function copiedRow(table: CopiedTable, stored: readonly SqliteValue[]): CopiedRow {
  return table.columns.map((column, i) => {
    const value = stored[i] ?? null;
    const problem = problemOf(column, value);
    if (problem !== undefined) {
      throw notCopied(table, keyOf(table, stored), `${column.name} ${problem}`, column.name);
    }
    return value === null ? null : String(value);
  });
}

function problemOf(column: CopiedColumn, value: SqliteValue): string | undefined {
  if (value === null) return column.isNullable ? undefined : 'holds NULL';
  if (column.kind === 'integer') {
    if (typeof value === 'bigint') return undefined;
    return typeof value === 'number'
      ? 'holds a number that is no 64-bit integer'
      : 'holds no integer';
  }
  if (typeof value !== 'string') {
    return typeof value === 'object' ? 'holds a BLOB' : 'holds a number';
  }
  if (value.includes('\0')) return 'holds text with a NUL character';
  if (column.words?.has(value) === false) return 'holds a word that the schema has not';
  return undefined;
}

function keyOf({ columns, key }: CopiedTable, stored: readonly SqliteValue[]): string {
  const value = stored[columns.findIndex(({ name }) => name === key)] ?? null;
  if (value === null) return 'NULL';
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value);
}

/** A row that keeps all from being copied. Throws nothing; the error is for the caller to throw. */
export function notCopied(
  { name: table }: CopiedTable,
  key: string,
  what: string,
  column: string,
): PylonDbError<'CORRUPT_ROW'> {
  return new PylonDbError(
    'CORRUPT_ROW',
    `row ${key} of ${table} can't be copied: ${what}`,
    { table, column, key },
    {
      operation: '',
      hint: 'Nothing was copied. `pylon-db check` on the source lists such rows; mend them first.',
    },
  );
}

/** A row and its {@link copyLine}, which is made once: it may be large. */
export interface LinedRow {
  readonly row: CopiedRow;
  readonly line: string;
}

const ESCAPED = /[\\\n\r\t]/;

/** Characters that are escaped at once: the engine keeps a list of all places where it replaces. */
const ESCAPED_AT_ONCE = 64 * 1024;

function escaped(value: string): string {
  let text = '';
  for (let i = 0; i < value.length; i += ESCAPED_AT_ONCE) {
    text += escapedPiece(value.slice(i, i + ESCAPED_AT_ONCE));
  }
  return text;
}

/** One pass a character, by what engines do fastest: a callback for each match takes much longer. */
function escapedPiece(piece: string): string {
  return piece
    .replace(/\\/g, '\\\\')
    .replace(/\n/g, '\\n')
    .replace(/\r/g, '\\r')
    .replace(/\t/g, '\\t');
}

/**
 * The row as a line of PostgreSQL's COPY: what it is sent as, and what is hashed on both sides. No
 * two rows have the same line.
 */
export function copyLine(row: CopiedRow): string {
  let line = '';
  for (let i = 0; i < row.length; i++) {
    const value = row[i] ?? null;
    line += i === 0 ? '' : '\t';
    if (value === null) line += '\\N';
    else if (ESCAPED.test(value)) line += escaped(value);
    else line += value;
  }
  return `${line}\n`;
}
