import { closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { PylonDbError } from '../../errors.js';
import { BLOCKING_TIMEOUT_MS } from './pragmas.js';
import { toldToCaller } from './sqlite-errors.js';

/** Where the published system keeps its file. */
export const DEFAULT_PATH = '~/.pylon/pylon.db';

/** An absolute path; a leading `~` is the user's home. */
export function expandPath(path: string): string {
  if (path === '~' || path.startsWith('~/')) return join(homedir(), path.slice(1));
  return resolve(path);
}

/**
 * Creates an empty database file for its owner only (0600, in folders 0700), and leaves an existing
 * one as it is. Throws `CANNOT_OPEN`.
 */
export function createIfMissing(path: string, operation: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    createExclusively(path);
  } catch (error) {
    throw new PylonDbError(
      'CANNOT_OPEN',
      `${path} can't be created`,
      { path },
      { operation, cause: error, hint: 'Check that the folder exists and that you may write it.' },
    );
  }
}

function createExclusively(path: string): void {
  try {
    // An existing file is not opened: closing it again would drop the locks that another
    // connection of this process holds on it.
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return;
    throw error;
  }
}

/** Opens one connection to an existing file. Throws `CANNOT_OPEN` or `NOT_A_DATABASE`. */
export function connect(path: string, readonly: boolean, operation: string): Database.Database {
  if (isFolder(path)) {
    throw new PylonDbError(
      'CANNOT_OPEN',
      `${path} is a folder`,
      { path },
      { operation, hint: 'Give the path of the pylon.db file in it.' },
    );
  }
  try {
    return new Database(path, {
      readonly,
      fileMustExist: path !== ':memory:',
      timeout: BLOCKING_TIMEOUT_MS,
    });
  } catch (error) {
    // The driver throws a plain TypeError for a missing folder.
    if (error instanceof TypeError) {
      throw new PylonDbError(
        'CANNOT_OPEN',
        `${path} can't be opened`,
        { path },
        { operation, cause: error, hint: 'Check that its folder exists and that you may read it.' },
      );
    }
    throw toldToCaller(error, operation, path);
  }
}

/** SQLite opens a folder for reading, and fails later with an error about the disk. */
function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    // What can't be looked at can't be opened either: SQLite says so.
    return false;
  }
}
