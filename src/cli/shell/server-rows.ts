import { type Compilable, Kysely, sql } from 'kysely';
import type { DB } from '../../../generated/db.js';
import { postgresDialect } from '../../engine/postgres/dialect.js';
import type { Session } from '../../engine/postgres/session.js';
import { parserOf } from '../../engine/postgres/values.js';
import type { RowReader } from './row-reader.js';

/** Rows of one round trip: few trips, and memory for rows with JSON of some KB each. */
const FETCH_ROWS = 1000;

/**
 * The rows of a server's schema, inside the session's open transaction. Integers that no JavaScript
 * number holds become numbers that aren't safe.
 */
export function serverRows(session: Session): RowReader {
  return {
    build: new Kysely<DB>({ dialect: postgresDialect }),
    address: (alias) =>
      sql`cast(${sql.ref(alias === undefined ? 'ctid' : `${alias}.ctid`)} as text)`,
    correctedWith: 'psql',
    columnsOf: async (table) => {
      const { rows } = await session.texts(
        `select column_name from information_schema.columns
         where table_schema = current_schema() and table_name = $1 order by ordinal_position`,
        [table],
      );
      return rows.map(([name]) => String(name));
    },
    each: async (query, take) => await eachRow(session, query, take),
  };
}

async function eachRow<Row>(
  session: Session,
  query: Compilable<Row>,
  take: (row: Row) => void,
): Promise<void> {
  const { sql: text, parameters } = query.compile();
  const values = parameters.map((value) => (value === null ? null : String(value)));
  await session.texts(`declare pylon_db_rows no scroll cursor for ${text}`, values);
  for (;;) {
    const { columns, rows } = await session.texts(
      `fetch forward ${FETCH_ROWS} from pylon_db_rows`,
      [],
    );
    for (const texts of rows) {
      const row = columns.map(({ name, typeOid }, i) => {
        const value = texts[i] ?? null;
        return [name, value === null ? null : parserOf(typeOid)(value)];
      });
      take(Object.fromEntries(row));
    }
    if (rows.length < FETCH_ROWS) break;
  }
  await session.texts('close pylon_db_rows', []);
}
