import type Database from 'better-sqlite3';
import type { Compilable } from 'kysely';
import { compilingKysely } from '../../engine/sqlite/connection.js';

/** Builds the queries of all checks, and runs none. */
export const build = compilingKysely();

/**
 * The rows of a query, one by one. Until the last one is read no other statement may be prepared on
 * the connection.
 */
export function eachRow<Row>(db: Database.Database, query: Compilable<Row>): Iterable<Row> {
  const { sql, parameters } = query.compile();
  return db.prepare<unknown[], Row>(sql).iterate(...parameters);
}

/** All rows of a query that has few, each as a list of values with integers as bigints. */
export function fewRows(db: Database.Database, query: Compilable): unknown[][] {
  const { sql, parameters } = query.compile();
  return db
    .prepare<unknown[], unknown[]>(sql)
    .raw()
    .safeIntegers()
    .all(...parameters);
}
