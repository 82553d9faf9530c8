import { sql } from 'kysely';
import type { SqlSyntax } from '../sql-syntax.js';

/** The integers that a JavaScript number holds exactly. */
const SAFE = sql`-9007199254740991 and 9007199254740991`;

/** SQLite stores any type in any column, so its queries ask for the type of each value. */
export const sqliteSyntax: SqlSyntax = {
  isSafeInteger: (column) =>
    sql<boolean>`(typeof(${sql.ref(column)}) = 'integer' and ${sql.ref(column)} between ${SAFE})`,
  isText: (column) => sql<boolean>`typeof(${sql.ref(column)}) = 'text'`,
  texts: (list) => sql`(select value from json_each(${list}))`,
  integers: (list) => sql`(select value from json_each(${list}))`,
  ranges: (list) =>
    sql`(select value ->> 0 as "start", value ->> 1 as "end" from json_each(${list}))`,
  jsonList: (values) => sql`json_array(${sql.join(values)})`,
  equalInOrder: (column, value) => sql<boolean>`${sql.ref(column)} = ${value}`,
  // The plus makes it an expression, which no index has.
  unindexed: (column) => sql`+${sql.ref(column)}`,
};
