import {
  type Dialect,
  type Kysely,
  type SelectQueryNode,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from 'kysely';
import type { DB } from '../../../generated/db.js';
import { compilingWith } from '../compiling-kysely.js';
import { refuseMigrator, refusingDriver } from '../refusing-driver.js';
import type { SqlSyntax } from '../sql-syntax.js';

/** SQLite has one writer at a time and no word for row locks: the clauses are left out. */
class LocklessCompiler extends SqliteQueryCompiler {
  protected override visitSelectQuery(node: SelectQueryNode): void {
    // Every modifier that the builder knows by name at the end of a SELECT is a lock.
    const endModifiers = node.endModifiers?.filter(({ modifier }) => modifier === undefined);
    super.visitSelectQuery(endModifiers === undefined ? node : { ...node, endModifiers });
  }
}

class MigratorlessAdapter extends SqliteAdapter {
  // Nobody but the Migrator asks, and it does so before it makes its first table.
  override get supportsCreateIfNotExists(): boolean {
    return refuseMigrator();
  }
}

/** The dialect that compiles for SQLite; queries run through the engine, never through its driver. */
export const sqliteDialect: Dialect = {
  createDriver: () => refusingDriver,
  createQueryCompiler: () => new LocklessCompiler(),
  createAdapter: () => new MigratorlessAdapter(),
  createIntrospector: (db) => new SqliteIntrospector(db),
};

/** A builder that compiles queries for SQLite and runs none. */
export function compilingKysely(): Kysely<DB> {
  return compilingWith<DB>(sqliteDialect);
}

/** The integers that a JavaScript number holds exactly. */
const SAFE = sql`-9007199254740991 and 9007199254740991`;

/** SQLite stores any type in any column, so its queries ask for the type of each value. */
export const sqliteSyntax: SqlSyntax = {
  saysIfNew: false,
  isSafeInteger: (column) =>
    sql<boolean>`(typeof(${sql.ref(column)}) = 'integer' and ${sql.ref(column)} between ${SAFE})`,
  isText: (column) => sql<boolean>`typeof(${sql.ref(column)}) = 'text'`,
  texts: (list) => sql`(select value from json_each(${list}))`,
  integers: (list) => sql`(select value from json_each(${list}))`,
  integerAt: (list, place) => sql`${list} ->> ${sql.lit(place)}`,
  ranges: (list) =>
    sql`(select value ->> 0 as "start", value ->> 1 as "end" from json_each(${list}))`,
  earningHours: sql`pylon_db_earning_hours`,
  jsonList: (values) => sql`json_array(${sql.join(values)})`,
  equalInOrder: (column, value) => sql<boolean>`${sql.ref(column)} = ${value}`,
  beforeInOrder: (column, value, keys) => sql<boolean>`${sql.ref(column)} = ${value}
    and (${sql.join(Object.keys(keys).map((name) => sql.ref(name)))})
      < (${sql.join(Object.values(keys))})`,
  locksRows: false,
  // The plus makes it an expression, which no index has.
  unindexed: (column) => sql`+${sql.ref(column)}`,
};
