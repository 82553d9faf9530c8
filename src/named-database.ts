import { isServerUrl, shownUrl } from './database-url.js';
import { DEFAULT_PATH, expandPath } from './engine/sqlite/database-file.js';
import { PylonDbError } from './errors.js';

/** Where a database is. */
export interface DatabasePlace {
  /** As it may be shown: a file's absolute path, or a server's URL without password. */
  readonly path: string;
  /** What connects to a server, so never to be shown; `undefined` for a file. */
  readonly serverUrl: string | undefined;
  /** A copy that is read in the place of a file that can't be opened where it is. */
  readonly readFrom?: string;
}

/**
 * The file or server that an option or variable, `from`, names. Throws `INVALID_ARGUMENT` for
 * `:memory:`, and `NOT_SUPPORTED` for the URL of anything but a PostgreSQL server.
 */
export function namedDatabase(database: string, from: string): DatabasePlace {
  if (database === ':memory:') {
    throw new PylonDbError(
      'INVALID_ARGUMENT',
      `${from} must be a file`,
      { field: from },
      { hint: 'A database in memory would be empty.' },
    );
  }
  if (isServerUrl(database)) return { path: shownUrl(database), serverUrl: database };
  return { path: expandPath(database), serverUrl: undefined };
}

/** The database that PYLON_DB names: unset or empty, the published system's file. Throws as {@link namedDatabase}. */
export function environmentDatabase(): DatabasePlace {
  return namedDatabase(process.env['PYLON_DB'] || DEFAULT_PATH, 'PYLON_DB');
}
