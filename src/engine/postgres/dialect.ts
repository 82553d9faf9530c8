import { type Dialect, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely';
import { refuseMigrator, refusingDriver } from '../refusing-driver.js';

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
