import { PylonDbError } from '../../errors.js';
import type { CopiedTable, TableColumn } from '../../schema/tables.js';

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
    return value === null ? null : written(column, value);
  });
}

function problemOf(column: TableColumn, value: SqliteValue): string | undefined {
  if (value === null) return column.isNullable ? undefined : 'holds NULL';
  if (column.kind === 'any') {
    return typeof value === 'string' && value.includes('\0') ? WITH_NUL : undefined;
  }
  if (column.kind === 'blob') return typeof value === 'object' ? undefined : 'holds no BLOB';
  if (column.kind === 'boolean')
    return value === 0n || value === 1n ? undefined : 'holds no boolean';
  if (column.kind === 'real') {
    return typeof value === 'number' || typeof value === 'bigint' ? undefined : 'holds no number';
  }
  if (column.kind === 'integer') {
    if (typeof value === 'bigint') return undefined;
    return typeof value === 'number'
      ? 'holds a number that is no 64-bit integer'
      : 'holds no integer';
  }
  if (typeof value !== 'string') {
    return typeof value === 'object' ? 'holds a BLOB' : 'holds a number';
  }
  if (value.includes('\0')) return WITH_NUL;
  if (column.words?.has(value) === false) return 'holds a word that the schema has not';
  return undefined;
}

const WITH_NUL = 'holds text with a NUL character';

/** A value as it is copied and compared. */
function written({ kind }: TableColumn, value: Exclude<SqliteValue, null>): string {
  if (kind === 'any') return `${TAGS[typeof value] ?? 'b'}${plainText(value)}`;
  if (kind === 'boolean') return value === 1n ? 't' : 'f';
  if (kind === 'real') return String(Number(value));
  return kind === 'blob' ? `\\x${plainText(value)}` : String(value);
}

const TAGS: Readonly<Record<string, string>> = { string: 't', bigint: 'i', number: 'r' };

function plainText(value: Exclude<SqliteValue, null>): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value);
}

/** What the driver is given to store. */
export type FileValue = string | number | bigint | Buffer | null;

/** What a file stores for a value as it is copied. */
export function storedValue(column: TableColumn | undefined, value: string | null): FileValue {
  if (value === null) return null;
  switch (column?.kind) {
    case 'real':
      return Number(value);
    case 'blob':
      return Buffer.from(value.slice(2), 'hex');
    case 'boolean':
      return value === 't' ? 1n : 0n;
    case 'any':
      return storedAny(value.slice(0, 1), value.slice(1));
    default:
      // Decimal text becomes an integer in a column of integers, whatever its size.
      return value;
  }
}

function storedAny(tag: string, text: string): FileValue {
  if (tag === 'i') return BigInt(text);
  if (tag === 'r') return Number(text);
  return tag === 't' ? text : Buffer.from(text, 'hex');
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
      hint: 'Nothing was copied. `pylon-db check` on the source lists such rows; fix them first.',
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
