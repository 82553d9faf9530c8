import type { MigrationList } from '../../migrate/migration.js';
import { Output } from '../shell/output.js';
import { withReadable } from '../shell/readable.js';
import type { Settings } from '../shell/settings.js';
import type { DatabaseMigrations } from './database.js';

/** The migrations of the file or server that the command line names. */
export async function migrationsOf(
  { path, serverUrl }: Settings,
  list: MigrationList,
): Promise<DatabaseMigrations> {
  if (serverUrl !== undefined) {
    const { ServerMigrations } = await import('./server.js');
    return new ServerMigrations(serverUrl, list);
  }
  const { FileMigrations } = await import('./file.js');
  return new FileMigrations(path, list);
}

/** Runs `look` on migrations that it only reads: of a copy, where a file can't be opened where it is. */
export async function readingMigrations<Result>(
  settings: Settings,
  list: MigrationList,
  look: (migrations: DatabaseMigrations) => Promise<Result>,
): Promise<Result> {
  return await withReadable(settings, new Output(settings), async (readable) => {
    const { readFrom = readable.path } = readable;
    return await look(await migrationsOf({ ...readable, path: readFrom }, list));
  });
}
