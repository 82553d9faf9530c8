import { type RawBuilder, sql } from 'kysely';
import type { Params, RawRow, Rows } from '../engine/prepared.js';
import type { SqlSyntax } from '../engine/sql-syntax.js';
import { PylonDbError } from '../errors.js';
import { isSecretKey } from './input.js';
import type { ByName, InOrder, Ordered, Selected, Selection } from './row-types.js';
import type { PublishedColumn, Table } from './tables.js';

/**
 * Rows of a published table. They are checked on their way out: other programs write the same file,
 * and SQLite stores any type in any column. Decoding throws `CORRUPT_ROW` for a value of the wrong
 * kind, and `OUT_OF_RANGE` for an integer beyond ±(2^53-1), naming table, column and key.
 */
export class TableRows<const Columns extends readonly PublishedColumn[]>
  implements Rows<Ordered<Columns>, Selected<Columns>>
{
  /** The names of all columns. */
  readonly names: readonly Columns[number]['name'][];
  /** The same as a query selects them. */
  readonly columns: Selection<Columns>;
  readonly decode: (row: RawRow) => Selected<Columns>;
  readonly mayBeCorrupt = true;
  declare readonly out?: (out: Ordered<Columns>) => Ordered<Columns>;
  readonly #table: string;
  readonly #described: Columns;

  constructor(
    { name, columns }: Table<Columns>,
    shape: (row: InOrder<Columns>) => ByName<Columns> & Selected<Columns>,
  ) {
    this.#table = name;
    this.names = columns.map((column) => column.name);
    this.columns = this.names;
    this.#described = columns;
    this.decode = (row) => {
      this.#assert(row);
      return shape(row);
    };
  }

  /** The parameter of each column, as an INSERT takes them. */
  values(params: Params<Selected<Columns>>): Params<Selected<Columns>> {
    const values = this.names.map((name) => [name, params[name]]);
    return Object.fromEntries(values);
  }

  #assert(row: RawRow): asserts row is InOrder<Columns> {
    for (let i = 0; i < this.#described.length; i++) {
      const column = this.#described[i];
      if (column !== undefined && !fits(column, row[i])) throw this.#problem(row, i);
    }
  }

  /** Whether {@link decode} lets this value of this column through. */
  canRead(column: string, value: unknown): boolean {
    const described = this.#described.find(({ name }) => name === column);
    return described === undefined || fits(described, value);
  }

  /**
   * In SQL, whether the stored columns, but for `changed` ones, hold what {@link decode} lets
   * through. A conditional update asks it in its WHERE: then it changes no row that it can't
   * return, and needs no transaction to be undone. Words of a closed set are left to the caller.
   */
  isSound(words: SqlSyntax, ...changed: readonly Columns[number]['name'][]): RawBuilder<boolean> {
    const conditions = this.#described
      .filter((column) => column.words === undefined && !changed.includes(column.name))
      .map((column) => soundSql(words, column));
    return sql<boolean>`${sql.join(conditions, sql` and `)}`;
  }

  #problem(row: RawRow, index: number): PylonDbError {
    const column = this.names[index] ?? '';
    const value = row[index];
    const key = keyName(row[0]);
    const details = { table: this.#table, column, key };
    if (typeof value === 'number' && Number.isInteger(value)) {
      return outOfRange(details);
    }
    return corruptRow(details, `holds ${storedKind(value)}`);
  }
}

/** What an error calls a row: its key, unless another program put a secret there. */
function keyName(key: unknown): string {
  if (key === null) return 'NULL';
  return isSecretKey(key) ? 'nsec1…' : String(key);
}

function fits({ kind, isNullable, words }: PublishedColumn, value: unknown): boolean {
  if (value === null) return isNullable;
  if (kind === 'integer') return Number.isSafeInteger(value);
  return typeof value === 'string' && (words === undefined || words.has(value));
}

function soundSql(
  words: SqlSyntax,
  { name, kind, isNullable }: PublishedColumn,
): RawBuilder<boolean> {
  const isSound = kind === 'text' ? words.isText(name) : words.isSafeInteger(name);
  return isNullable ? sql`(${sql.ref(name)} is null or ${isSound})` : isSound;
}

function storedKind(value: unknown): string {
  if (value === null) return 'NULL';
  if (typeof value === 'number') return 'a fraction';
  if (typeof value === 'string') return 'text that does not belong there';
  return 'a blob';
}

/** A stored value that no caller can use. */
export function corruptRow(
  details: { readonly table: string; readonly column: string; readonly key: string },
  what: string,
): PylonDbError {
  return new PylonDbError(
    'CORRUPT_ROW',
    `${details.table}.${details.column} of row ${details.key} ${what}`,
    details,
    { hint: 'Another program wrote it. Look at the row with sqlite3 and fix it.' },
  );
}

/** A stored integer that a JavaScript number can't hold. */
export function outOfRange(details: {
  readonly table: string;
  readonly column: string;
  readonly key: string;
}): PylonDbError {
  return new PylonDbError(
    'OUT_OF_RANGE',
    `${details.table}.${details.column} of row ${details.key} holds an integer beyond ±(2^53-1)`,
    details,
    { hint: 'Another program wrote it. Look at the row with sqlite3 and fix it.' },
  );
}

/**
 * The error for totals that count a row as invalid while no such row is there: whatever keeps them
 * doesn't do so any more.
 */
export function wrongTotals(operation: string, table: string): PylonDbError<'CORRUPT_ROW'> {
  return new PylonDbError(
    'CORRUPT_ROW',
    `${table}.count of row invalid counts rows that aren't there`,
    { table, column: 'count', key: 'invalid' },
    { operation, hint: 'Run `pylon-db check --repair`: it counts the totals again.' },
  );
}
