import type Database from 'better-sqlite3';
import { type Compilable, type QueryCreator, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../../generated/db.js';
import { compilingKysely } from '../../engine/sqlite/kysely-dialect.js';

/** Reads rows of a file or a server, in the one state of it that an open transaction shows. */
export interface RowReader {
  /** Builds queries, and runs none. */
  readonly build: QueryCreator<DB>;
  /** What distinguishes a row from all others of its table when its key doesn't; `alias` is for joins. */
  readonly address: (alias?: string) => RawBuilder<string>;
  /** The program with which rows are corrected by hand. */
  readonly correctedWith: string;
  /** The columns that a table has, in their order; none for a table that isn't there. */
  readonly columnsOf: (table: string) => Promise<readonly string[]>;
  /** Calls `take` with the rows of a query one by one; it may ask the database nothing. */
  readonly each: <Row>(query: Compilable<Row>, take: (row: Row) => void) => Promise<void>;
}

/** The rows of an SQLite file. */
export function fileRows(db: Database.Database): RowReader {
  return {
    build: compilingKysely(),
    // In quotes, SQLite would take a rowid that isn't there for text.
    address: (alias) =>
      sql`cast(${alias === undefined ? sql`rowid` : sql.ref(`${alias}.rowid`)} as text)`,
    correctedWith: 'the sqlite3 shell',
    columnsOf: async (table) =>
      db.prepare<[string], string>('select name from pragma_table_info(?)').pluck().all(table),
    each: async <Row>(query: Compilable<Row>, take: (row: Row) => void) => {
      const { sql: text, parameters } = query.compile();
      for (const row of db.prepare<unknown[], Row>(text).iterate(...parameters)) take(row);
    },
  };
}
