import pg from 'pg';

/** pg's type number of bigint, which it gives as text unless asked otherwise: all our integers are safe. */
const BIGINT = 20;
pg.types.setTypeParser(BIGINT, Number);

/** pg's pool, giving integers as numbers. */
export function openPool(connectionString: string, max: number): pg.Pool {
  return new pg.Pool({ connectionString, max });
}
