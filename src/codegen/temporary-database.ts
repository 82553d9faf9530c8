import Database from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import { migrations } from '../../migrations/index.js';

/**
 * Creates a database file with all of our migrations, for codegen to read and throw away. Not by
 * our own runner: that refuses published columns that changed, before codegen could show how.
 */
export async function createMigratedDatabase(file: string): Promise<void> {
  const dialect = new SqliteDialect({ database: new Database(file) });
  const kysely = new Kysely<unknown>({ dialect });
  try {
    for (const [name, load] of Object.entries(migrations)) {
      const migration = await load();
      await migration.up({ name, context: kysely, engine: 'sqlite' });
    }
  } finally {
    await kysely.destroy();
  }
}
