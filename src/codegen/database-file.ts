import { statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { refuseForeignSidecars } from '../engine/sqlite/sidecars.js';
import { PylonDbError } from '../errors.js';

/**
 * Opens an existing SQLite file for reading only. Throws `CANNOT_OPEN` if there is no file (none is
 * created) and `NOT_A_DATABASE` if it is something else. An empty file counts as a database.
 */
export function openReadOnly(path: string): Database.Database {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile() !== true) {
    const problem = found === undefined ? 'there is no file' : 'this is not a file';
    throw new PylonDbError(
      'CANNOT_OPEN',
      `${problem}: ${path}`,
      { path },
      { operation: 'codegen', hint: 'Check the path.' },
    );
  }
  refuseForeignSidecars(path, 'codegen');
  const database = new Database(path, { readonly: true, fileMustExist: true });
  try {
    database.prepare('select count(*) from sqlite_master').get();
    return database;
  } catch (cause) {
    database.close();
    if (!(cause instanceof Database.SqliteError) || cause.code !== 'SQLITE_NOTADB') throw cause;
    throw new PylonDbError(
      'NOT_A_DATABASE',
      `this is not a SQLite database: ${path}`,
      { path },
      { operation: 'codegen', hint: 'Check the path.', cause },
    );
  }
}
