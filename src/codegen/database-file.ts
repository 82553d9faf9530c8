import { statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { connect } from '../engine/sqlite/database-file.js';
import { toPylonDbError } from '../engine/sqlite/sqlite-errors.js';
import { isPylonDbError, PylonDbError } from '../errors.js';

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
      throw withWayOut(toPylonDbError(cause, path, 'codegen'), path);
    }
    throw new PylonDbError(
      'NOT_A_DATABASE',
      `this is not a SQLite database: ${path}`,
      { path },
      { operation: 'codegen', hint: 'Check the path.', cause },
    );
  }
}

/** On a full disk, reading alone fails too: nothing of it is obvious to who only reads. */
function withWayOut(error: unknown, path: string): unknown {
  if (!isPylonDbError(error, 'DISK_FULL')) return error;
  return new PylonDbError(
    'DISK_FULL',
    `${path} can't be opened: SQLite must write a -wal and -shm next to it, and the disk is full`,
    {},
    {
      operation: 'codegen',
      cause: error.cause,
      hint: 'Free space there, or copy it, with its -wal if there is one, to another disk and describe the copy.',
    },
  );
}
