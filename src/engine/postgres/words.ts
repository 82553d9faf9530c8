import { sql } from 'kysely';
import type { Words } from '../words.js';

/** The integers that a JavaScript number holds exactly; a bigint column holds more. */
const SAFE = sql`-9007199254740991 and 9007199254740991`;

/** PostgreSQL's columns have types: text is text, and only the size of integers is asked for. */
export const postgresWords: Words = {
  isSafeInteger: (column) => sql<boolean>`(${sql.ref(column)} between ${SAFE})`,
  isText: (column) => sql<boolean>`(${sql.ref(column)} is not null)`,
  texts: (list) => sql`(select json_array_elements_text(cast(${list} as json)))`,
  integers: (list) => sql`(select cast(json_array_elements_text(cast(${list} as json)) as bigint))`,
  unindexed: (column) => sql.ref(column),
};
