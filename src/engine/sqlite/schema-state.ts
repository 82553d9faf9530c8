import type Database from 'better-sqlite3';
import type { PylonDbError } from '../../errors.js';

/** What a look at a file's schema found. Each look gives a new object. */
export interface SchemaState {
  /** `PRAGMA schema_version`, which SQLite raises with every change of the schema. */
  readonly version: number;
  /** The published tables, in lower case, with triggers that aren't ours. */
  readonly foreignTriggers: ReadonlySet<string>;
  /** Whether our triggers keep the totals. Where they don't, totals are counted from the rows. */
  readonly totalsKept: boolean;
}

/** What knows our own objects of a schema. The engine asks it, and doesn't know them itself. */
export interface SchemaKeeper {
  /** What {@link verify} threw since a newer pylon-db migrated the file: no later call may go on. */
  readonly mismatch: PylonDbError | undefined;
  /**
   * Looks at the schema in one state of it, and has what is missing repaired where that is allowed.
   * Throws `SCHEMA_MISMATCH` when a newer pylon-db migrated the file, and the driver's errors.
   */
  verify(db: Database.Database): SchemaState;
  /** Throws `NOT_SUPPORTED` when other programs would miss something of the published schema. */
  assertPublished(db: Database.Database): void;
  /** Has this connection count totals from the rows, or read the kept ones again. */
  countFromRows(db: Database.Database, counts: boolean): void;
  /** Asks again for the repair that {@link verify} asked for: an earlier one may have failed. */
  repair(): void;
  /** Ends a repair that runs; later ones aren't begun. */
  stop(): void;
}
