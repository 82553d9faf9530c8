import type { TableColumn } from '../../schema/tables.js';

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
