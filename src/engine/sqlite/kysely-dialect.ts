import {
  type Dialect,
  type SelectQueryNode,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { refuseMigrator, refusingDriver } from '../refusing-driver.js';

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
