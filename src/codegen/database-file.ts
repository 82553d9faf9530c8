import { statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { connect } from '../engine/sqlite/database-file.js';
import { toPylonDbError } from '../engine/sqlite/sqlite-errors.js';
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
  const database = connect(path, true, 'codegen');
  try {
    database.prepare('select count(*) from sqlite_master').get();
    return database;
  } catch (cause) {
    database.close();
    if (!(cause instanceof Database.SqliteError) || cause.code !== 'SQLITE_NOTADB') {
      throw toPylonDbError(cause, 'codegen', path);
    }
    throw new PylonDbError(
      'NOT_A_DATABASE',
      `this is not a SQLite database: ${path}`,
      { path },
      { operation: 'codegen', hint: 'Check the path.', cause },
    );
  }
}
