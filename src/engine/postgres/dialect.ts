import {
  type Dialect,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  sql,
} from 'kysely';
import { refuseMigrator, refusingDriver } from '../refusing-driver.js';
import type { SqlSyntax } from '../sql-syntax.js';

class MigratorlessAdapter extends PostgresAdapter {
  // Nobody but the Migrator asks, and it does so before it makes its first table.
  override get supportsCreateIfNotExists(): boolean {
    return refuseMigrator();
  }
}

/** The dialect that compiles for PostgreSQL; queries run through the engine's own connections. */
export const postgresDialect: Dialect = {
  createDriver: () => refusingDriver,
  createQueryCompiler: () => new PostgresQueryCompiler(),
  createAdapter: () => new MigratorlessAdapter(),
  createIntrospector: (db) => new PostgresIntrospector(db),
};

/** The integers that a JavaScript number holds exactly; a bigint column holds more. */
const SAFE = sql`-9007199254740991 and 9007199254740991`;

/** PostgreSQL's columns have types: text is text, and only the size of integers is asked for. */
export const postgresSyntax: SqlSyntax = {
  saysIfNew: true,
  isSafeInteger: (column) => sql<boolean>`(${sql.ref(column)} between ${SAFE})`,
  isText: (column) => sql<boolean>`(${sql.ref(column)} is not null)`,
  texts: (list) => sql`(select json_array_elements_text(cast(${list} as json)))`,
  integers: (list) => sql`(select cast(json_array_elements_text(cast(${list} as json)) as bigint))`,
  integerAt: (list, place) => sql`cast(cast(${list} as json) ->> ${sql.lit(place)} as bigint)`,
  ranges: (list) =>
    sql`(select cast(pair ->> 0 as bigint) as "start", cast(pair ->> 1 as bigint) as "end"
      from json_array_elements(cast(${list} as json)) as pair)`,
  earningHours: sql`pylon_db_earning_hours`,
  jsonList: (values) => sql`cast(json_build_array(${sql.join(values)}) as text)`,
  // Given an equality, the planner takes the column out of the order, and may walk an index of the
  // rest instead: through every row of another value that stands before.
  equalInOrder: (column, value) => sql`(${sql.ref(column)} between ${value} and ${value})`,
  // Without an upper end of the column: a walk down would begin there, not at the row.
  beforeInOrder: (column, value, keys) => sql`(${sql.ref(column)} >= ${value}
    and (${sql.join([column, ...Object.keys(keys)].map((name) => sql.ref(name)))})
      < (${sql.join([value, ...Object.values(keys)])}))`,
  locksRows: true,
  unindexed: (column) => sql.ref(column),
};
