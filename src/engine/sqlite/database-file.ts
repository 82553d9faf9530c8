import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  type Stats,
  statSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { PylonDbError } from '../../errors.js';
import { BLOCKING_TIMEOUT_MS } from './pragmas.js';
import { refuseForeignSidecars } from './sidecars.js';
import { isReadOnly, toPylonDbError } from './sqlite-errors.js';
import { isNoDescriptor, isNoRoom, ofAnother } from './system-error.js';

/** Where the published system keeps its file. */
export const DEFAULT_PATH = '~/.pylon/pylon.db';

/** An absolute path; a leading `~` is the user's home. */
export function expandPath(path: string): string {
  if (path === '~' || path.startsWith('~/')) return join(homedir(), path.slice(1));
  return resolve(path);
}

/**
 * Creates an empty database file for its owner only (0600, in folders 0700), and leaves an existing
 * one as it is. Throws `CANNOT_OPEN`, `DISK_FULL`.
 */
export function createIfMissing(path: string, operation: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    createMissing(path);
  } catch (error) {
    if (isNoRoom(error) || isNoDescriptor(error)) throw toPylonDbError(error, path, operation);
    const owner = ofAnother(path);
    throw new PylonDbError(
      'CANNOT_OPEN',
      `${path} can't be created${owner === undefined ? '' : `: ${owner.problem}`}`,
      { path },
      {
        operation,
        cause: error,
        hint: owner?.hint ?? 'Check that the folder exists and that you may write it.',
      },
    );
  }
}

function createMissing(path: string): void {
  try {
    // An existing file is not opened: closing it again would drop the locks that another
    // connection of this process holds on it.
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return;
    throw error;
  }
}

/** Throws `CANNOT_OPEN` when there is nothing at `path`. */
export function refuseMissing(path: string, operation: string): void {
  if (existsSync(path)) return;
  throw new PylonDbError(
    'CANNOT_OPEN',
    `there is no file ${path}`,
    { path },
    {
      operation,
      hint: 'Check the path, and that its volume is mounted; create: true makes a new database.',
    },
  );
}

/**
 * Opens one connection to an existing file. Throws `CANNOT_OPEN`, also for a folder, pipe or device
 * and next to somebody else's sidecars, or `NOT_A_DATABASE`.
 */
export function connect(path: string, readonly: boolean, operation = ''): Database.Database {
  const found = lookAt(path);
  if (found?.isDirectory()) {
    throw new PylonDbError(
      'CANNOT_OPEN',
      `${path} is a folder`,
      { path },
      { operation, hint: 'Give the path of the pylon.db file in it.' },
    );
  }
  // SQLite would wait for ever for somebody to write into a pipe.
  if (found?.isFile() === false) {
    throw new PylonDbError(
      'CANNOT_OPEN',
      `${path} is not a regular file`,
      { path },
      { operation, hint: 'Give the path of a pylon.db file, not of a pipe, socket or device.' },
    );
  }
  if (path !== ':memory:') refuseForeignSidecars(path, operation);
  try {
    const db = new Database(path, {
      readonly,
      fileMustExist: path !== ':memory:',
      timeout: BLOCKING_TIMEOUT_MS,
    });
    if (!readonly && path !== ':memory:') refuseDowngraded(db, path, operation);
    return db;
  } catch (error) {
    if (error instanceof PylonDbError) throw error;
    // The driver throws a plain TypeError for a missing folder.
    if (error instanceof TypeError) {
      throw new PylonDbError(
        'CANNOT_OPEN',
        `${path} can't be opened`,
        { path },
        { operation, cause: error, hint: 'Check that its folder exists and that you may read it.' },
      );
    }
    throw toPylonDbError(error, path, operation);
  }
}

/**
 * Throws where SQLite could open for reading only what may be written: it says nothing. `CANNOT_OPEN`
 * when the first try to open failed, and `CORRUPT` when the header asks for it: a write version above 2
 * (WAL), which no released SQLite writes.
 */
function refuseDowngraded(db: Database.Database, path: string, operation: string): void {
  // Before page 1 is read, only how the file was opened shows.
  const isOpenedForReading = isReadOnlyPlan(db);
  if (!isOpenedForReading && canBegin(db)) return;
  if (!mayAccess(path, constants.W_OK)) return;
  const isHeader = !isOpenedForReading && isReadOnlyPlan(db);
  db.close();
  throw isHeader ? readableHeader(path, operation) : openedForReading(path, operation);
}

/** `CANNOT_OPEN` for a file that may be written, and that SQLite could open for reading only. */
export function openedForReading(path: string, operation: string, cause?: unknown): PylonDbError {
  return new PylonDbError(
    'CANNOT_OPEN',
    `${path} can't be opened for writing, as when too many files are open for a moment`,
    { path },
    { operation, cause, hint: 'Try again. `ulimit -n` shows how many may be open.' },
  );
}

function readableHeader(path: string, operation: string): PylonDbError {
  return new PylonDbError(
    'CORRUPT',
    `${path} is damaged: its header says that no SQLite of today may write it`,
    {},
    { operation, hint: 'Restore the latest backup. Opened with readonly, its rows can be read.' },
  );
}

/** On what it may only read, SQLite makes of this a transaction that reads: p2 is 0. */
function isReadOnlyPlan(db: Database.Database): boolean {
  const steps = db.prepare<[], Step>('explain begin immediate').all();
  return steps.some(({ opcode, p1, p2 }) => opcode === 'Transaction' && p1 === 0 && p2 === 0);
}

/** What else is wrong, such as another's lock, shows where it matters. */
function canBegin(db: Database.Database): boolean {
  try {
    db.exec('begin immediate; rollback');
    return true;
  } catch (error) {
    return !isReadOnly(error);
  }
}

/** One step of a compiled statement; `p1` is the database, the first being the file. */
interface Step {
  readonly opcode: string;
  readonly p1: number;
  readonly p2: number;
}

/** Throws `READ_ONLY` when it may not be written: SQLite would open it, and fail each write. */
export function refuseReadOnly(path: string, operation: string): void {
  // What can't be read can't be opened either: SQLite says so.
  if (!mayAccess(path, constants.R_OK) || mayAccess(path, constants.W_OK)) return;
  throw new PylonDbError(
    'READ_ONLY',
    `${path} may only be read`,
    {},
    {
      operation,
      hint: 'Run it as a user who may write it, on a disk that is mounted for writing; to read only, open it with readonly.',
    },
  );
}

function mayAccess(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

/**
 * Throws `CANNOT_OPEN` for a file with hard links. SQLite finds the WAL by the file's name: who
 * opens it by another name misses commits, and two that write by two names destroy it.
 */
export function refuseOtherNames(path: string, operation: string): void {
  const found = lookAt(path);
  const names = found?.nlink ?? 1;
  if (found?.isFile() !== true || names <= 1) return;
  throw new PylonDbError(
    'CANNOT_OPEN',
    `${path} is one of ${names} names of the same file (hard links)`,
    { path },
    {
      operation,
      hint: 'Copy the file, or remove its other names: `find / -xdev -samefile PATH` lists them.',
    },
  );
}

function lookAt(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    // What can't be looked at can't be opened either: SQLite says so. And `:memory:` is not a file.
    return undefined;
  }
}
