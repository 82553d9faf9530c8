import type { MigrationList } from '../../migrate/migration.js';
import type { PublishedTable } from '../../schema/tables.js';
import type { Described } from './described.js';
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
  count(table: PublishedTable): Promise<number>;
  /** The key of a row whose parent is missing. */
  orphan(table: PublishedTable): Promise<string | undefined>;
  /** The rows in the order in which they are stored, in lists. Throws `CORRUPT_ROW`. */
  rows(table: PublishedTable): AsyncIterable<readonly CopiedRow[]>;
  /** The key of a row by its place in {@link rows}, from 0. */
  keyAt(table: PublishedTable, place: number): Promise<string>;
  /** The highest id that was ever given in a table whose key is an integer. */
  lastId(table: PublishedTable): Promise<bigint>;
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
  store(table: PublishedTable, rows: AsyncIterable<readonly LinedRow[]>): Promise<void>;
  /** What is stored now, as it lies. */
  rows(table: PublishedTable): AsyncIterable<readonly CopiedRow[]>;
  ledger(): Promise<readonly LedgerEntry[]>;
  /** Puts these in the place of the ledger rows of the same names. */
  replaceLedger(entries: readonly LedgerEntry[]): Promise<void>;
  /** Lets ids of a table go on behind `last`, or behind its own last one where that is higher. */
  goOnAfter(table: PublishedTable, last: bigint): Promise<void>;
}

/** A row that the destination refused. */
export class UnstorableRow {
  constructor(
    readonly table: PublishedTable,
    /** Its place among the rows, from 0. */
    readonly place: number,
    readonly why: string,
  ) {}
}
