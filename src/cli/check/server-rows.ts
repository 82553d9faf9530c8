import { type Compilable, Kysely, sql } from 'kysely';
import type { DB } from '../../../generated/db.js';
import { postgresDialect } from '../../engine/postgres/dialect.js';
import type { Session } from '../../engine/postgres/session.js';
import { parserOf } from '../../engine/postgres/values.js';
import type { Questions } from './row-check.js';

/** What a server is asked. */
export const SERVER: Questions = {
  build: new Kysely<DB>({ dialect: postgresDialect }),
  address: (alias) => sql`cast(${sql.ref(alias === undefined ? 'ctid' : `${alias}.ctid`)} as text)`,
  correctedWith: 'psql',
};

/** Rows of one round trip: few trips, and memory for rows with JSON of some KB each. */
const FETCH_ROWS = 1000;

/**
 * Calls `each` with the rows of a query one by one, inside the session's open transaction. Integers
 * that no JavaScript number holds become numbers that aren't safe.
 */
export async function eachServerRow<Row>(
  session: Session,
  query: Compilable<Row>,
  each: (row: Row) => void,
): Promise<void> {
  const { sql: text, parameters } = query.compile();
  const values = parameters.map((value) => (value === null ? null : String(value)));
  await session.texts(`declare pylon_db_check no scroll cursor for ${text}`, values);
  for (;;) {
    const { columns, rows } = await session.texts(
      `fetch forward ${FETCH_ROWS} from pylon_db_check`,
      [],
    );
    for (const texts of rows) {
      const row = columns.map(({ name, typeOid }, i) => {
        const value = texts[i] ?? null;
        return [name, value === null ? null : parserOf(typeOid)(value)];
      });
      each(Object.fromEntries(row));
    }
    if (rows.length < FETCH_ROWS) break;
  }
  await session.texts('close pylon_db_check', []);
}
