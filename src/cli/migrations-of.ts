import type { MigrationList } from '../migrate/migration.js';
import type { DatabaseMigrations } from './database-migrations.js';
import type { Settings } from './settings.js';

/** The migrations of the file or server that the command line names. */
export async function migrationsOf(
  { path, serverUrl }: Settings,
  list: MigrationList,
): Promise<DatabaseMigrations> {
  if (serverUrl !== undefined) {
    const { ServerMigrations } = await import('./server-migrations.js');
    return new ServerMigrations(serverUrl, list);
  }
  const { FileMigrations } = await import('./file-migrations.js');
  return new FileMigrations(path, list);
}
