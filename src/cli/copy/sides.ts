import { PylonDbError } from '../../errors.js';
import type { MigrationList } from '../../migrate/migration.js';
import { type CopiedTable, DATA_TABLES, type TableColumn } from '../../schema/tables.js';
import type { CopiedRow, LinedRow } from './row.js';

/** A row of the ledger, integers in decimal. */
export interface LedgerEntry {
  readonly id: string;
  readonly name: string;
  readonly applied_at: string;
}

/** Tables, and columns as `table.column`, that are neither published nor our own. */
export interface Others {
  readonly tables: readonly string[];
  readonly columns: readonly string[];
}

/** One committed state of a database that is read, whatever others write meanwhile. */
export interface CopySource {
  ledger(): Promise<readonly LedgerEntry[]>;
  describe(): Promise<Described>;
  count(table: CopiedTable): Promise<number>;
  /** The key of a row whose parent is missing. */
  orphan(table: CopiedTable): Promise<string | undefined>;
  /** The rows in the order in which they are stored, in lists. Throws `CORRUPT_ROW`. */
  rows(table: CopiedTable): AsyncIterable<readonly CopiedRow[]>;
  /** The key of a row by its place in {@link rows}, from 0. */
  keyAt(table: CopiedTable, place: number): Promise<string>;
  /** The highest id that was ever given in a table whose key is an integer. */
  lastId(table: CopiedTable): Promise<bigint>;
}

/** What a destination is made for. */
export interface CopyRequest {
  /** The migrations that it gets. */
  readonly list: MigrationList;
  /** The source's tables; without them, the published ones are copied. */
  readonly source: Described | undefined;
}

/** One open transaction of a migrated database without rows. */
export interface CopyDestination {
  /** Throws `CORRUPT_ROW`, or {@link UnstorableRow} where only the row's place is known. */
  store(table: CopiedTable, rows: AsyncIterable<readonly LinedRow[]>): Promise<void>;
  /** What is stored now, as it lies. */
  rows(table: CopiedTable): AsyncIterable<readonly CopiedRow[]>;
  ledger(): Promise<readonly LedgerEntry[]>;
  /** Puts these in the place of the ledger rows of the same names. */
  replaceLedger(entries: readonly LedgerEntry[]): Promise<void>;
  /** Lets ids of a table go on behind `last`, or behind its own last one where that is higher. */
  goOnAfter(table: CopiedTable, last: bigint): Promise<void>;
}

/** A row that the destination refused. */
export class UnstorableRow {
  constructor(
    readonly table: CopiedTable,
    /** Its place among the rows, from 0. */
    readonly place: number,
    readonly why: string,
  ) {}
}

/** A table as a database has it. */
export interface DescribedTable {
  readonly columns: readonly DescribedColumn[];
  /** The column that is its whole primary key, else its first. */
  readonly key: string;
  /** Tables that its foreign keys name. */
  readonly references: readonly string[];
  /** Why its rows can't be copied. */
  readonly obstacle?: string;
}

/** A column as a database has it. */
export interface DescribedColumn extends Pick<TableColumn, 'name' | 'kind'> {
  /** Computed from others: there is nothing to copy. */
  readonly isComputed: boolean;
}

/** All tables of a database but the ledger and our own. */
export type Described = ReadonlyMap<string, DescribedTable>;

/** A table, by its name. */
export type Named = Pick<CopiedTable, 'name'>;

/** Throws `INVALID_ARGUMENT` when tables of the destination have rows. */
export function refuseRows(address: string, filled: readonly Named[]): void {
  if (filled.length === 0) return;
  const names = filled.map(({ name }) => name).join(', ');
  throw new PylonDbError(
    'INVALID_ARGUMENT',
    `${address} isn't empty: there are rows in ${names}`,
    { field: 'to' },
    { hint: 'Nothing was changed. Give a new file, or a schema without rows.' },
  );
}

/** Of the tables that will be filled those that are there, before anything is migrated. */
export function toFill({ source }: CopyRequest, there: Described): Named[] {
  const own = [...(source?.keys() ?? [])].map((name) => ({ name })).filter(isOwnTable);
  return [...DATA_TABLES, ...own].filter(({ name }) => there.has(name));
}

/** Whether a table is not published. */
export function isOwnTable({ name }: Named): boolean {
  return !DATA_TABLES.some((table) => table.name === name);
}

/** What a source holds alongside what is copied. */
export interface LeftBehind extends Others {
  /** Names in the ledger that are not ours. */
  readonly migrations: readonly string[];
}

/** Throws `NOT_SUPPORTED`, naming it, where anything is left behind. */
export function refuseLeftBehind(leftBehind: LeftBehind): void {
  const named = namesOf(leftBehind);
  if (named === '') return;
  throw new PylonDbError(
    'NOT_SUPPORTED',
    `the source holds more than the published tables, which would stay behind: ${named}`,
    {},
    {
      hint: 'Nothing was copied. Take it along with --migrations FILE, or leave it behind with --published-only.',
    },
  );
}

/** `tables a, b; columns jobs.c`, or nothing. */
export function namesOf(leftBehind: Others | LeftBehind): string {
  return Object.entries(leftBehind)
    .filter(([, names]) => names.length > 0)
    .map(([what, names]) => `${what} ${names.join(', ')}`)
    .join('; ');
}
