import { type Dialect, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely';
import { refusingDriver } from '../refusing-driver.js';

/** The dialect that compiles for PostgreSQL; queries run through the engine's own connections. */
export const postgresDialect: Dialect = {
  createDriver: () => refusingDriver,
  createQueryCompiler: () => new PostgresQueryCompiler(),
  createAdapter: () => new PostgresAdapter(),
  createIntrospector: (db) => new PostgresIntrospector(db),
};
