import { dirname, isAbsolute } from 'node:path';
import Database from 'better-sqlite3';
import { type Constraint, PylonDbError } from '../../errors.js';
import { StepWithoutRows } from '../engine.js';
import { CALLERS_CALLS } from '../refusals.js';
import { roomAt } from './room.js';
import {
  cannotUse,
  isNoDescriptor,
  isNoRoom,
  lookForRoom,
  ofAnother,
  systemCode,
} from './system-error.js';

const { SqliteError } = Database;
type SqliteError = InstanceType<typeof SqliteError>;

const CONSTRAINTS: Readonly<Record<string, Constraint>> = {
  SQLITE_CONSTRAINT_PRIMARYKEY: 'primary_key',
  SQLITE_CONSTRAINT_ROWID: 'primary_key',
  SQLITE_CONSTRAINT_UNIQUE: 'unique',
  SQLITE_CONSTRAINT_FOREIGNKEY: 'foreign_key',
  SQLITE_CONSTRAINT_CHECK: 'check',
  SQLITE_CONSTRAINT_NOTNULL: 'not_null',
  SQLITE_CONSTRAINT_TRIGGER: 'trigger',
};

/** A write gave up waiting for another process. The queue throws it; callers get `BUSY`. */
export class WaitedTooLong {
  constructor(
    readonly waitedMs: number,
    readonly cause: unknown,
  ) {}
}

/** A COMMIT failed, and only a crash would show whether it is stored. Callers get `COMMIT_UNKNOWN`. */
export class CommitUnknown {
  constructor(readonly cause: unknown) {}
}

/** Whether another connection holds the lock, so that the same call may succeed later. */
export function isBusy(error: unknown): boolean {
  return error instanceof SqliteError && /^SQLITE_(BUSY|LOCKED)/.test(error.code);
}

/** Whether the connection was opened for reading, whatever was asked for. */
export function isReadOnly(error: unknown): boolean {
  return error instanceof SqliteError && error.code === 'SQLITE_READONLY';
}

/** Whether a row of the same primary key stands. SQLite undid all that its statement did. */
export function isKnownKey(error: unknown): boolean {
  return error instanceof SqliteError && CONSTRAINTS[error.code] === 'primary_key';
}

/** Whether a trigger raised the error, so that its statement may have left changes. */
export function isTriggerFailure(error: unknown): boolean {
  return error instanceof SqliteError && error.code === 'SQLITE_CONSTRAINT_TRIGGER';
}

/** Whether the SQL and the schema don't fit each other: a table or column that isn't there. */
export function isMisfit(error: unknown): error is SqliteError {
  return error instanceof SqliteError && error.code === 'SQLITE_ERROR';
}

/**
 * The error that a caller gets for what the driver threw, decided by SQLite's extended code and
 * never by its text. Called behind an `await` in the caller's own chain, so that the stack names it.
 * `StepWithoutRows` passes through: only the service knows what it means.
 */
export function toPylonDbError(error: unknown, path: string, operation = ''): unknown {
  if (error instanceof StepWithoutRows) return error;
  if (error instanceof PylonDbError) return error.withOperation(operation);
  if (error instanceof WaitedTooLong) {
    return new PylonDbError(
      'BUSY',
      `another process held the write lock for ${error.waitedMs} ms`,
      { waitedMs: error.waitedMs },
      {
        operation,
        cause: error.cause,
        hint: 'Nothing was stored. Try again, raise busyTimeoutMs, or find the long transaction.',
      },
    );
  }
  if (error instanceof CommitUnknown) {
    return new PylonDbError(
      'COMMIT_UNKNOWN',
      'the disk failed during COMMIT, so the call may be stored or not',
      {},
      {
        operation,
        cause: error.cause,
        hint: 'Check the disk. When the next write succeeds, it is not stored; after a crash before that, read it back.',
      },
    );
  }
  if (error instanceof SqliteError) return fromSqlite(error, operation, path);
  if (isDriverMissing(error)) return withoutDriver(error, operation, path);
  if (error instanceof TypeError || error instanceof RangeError) {
    return new PylonDbError(
      'INVALID_ARGUMENT',
      error.message,
      { field: 'sql' },
      { operation, cause: error, hint: 'Bind strings, numbers, bigints, buffers or null.' },
    );
  }
  if (isNoRoom(error)) return full(operation, error, path);
  return systemCode(error) === undefined ? error : cannotUse(error, path, operation);
}

/** As {@link toPylonDbError}, for SQL that somebody wrote at a terminal: what doesn't fit is theirs. */
export function toQueryError(error: unknown, path: string): unknown {
  const reported = toPylonDbError(error, path, QUESTION);
  return reported instanceof PylonDbError ? reported.withOperation('') : reported;
}

/** Whether a full quota refused a write, so that no frame can be whole behind it. */
export function isFullQuota(error: unknown, path: string): boolean {
  return (
    error instanceof SqliteError &&
    error.code === 'SQLITE_IOERR_WRITE' &&
    isNoRoom(lookForRoom(path))
  );
}

/** What `bindings` throws when the driver was never built, and Node for one of another Node. */
function isDriverMissing(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return 'tries' in error || ('code' in error && error.code === 'ERR_DLOPEN_FAILED');
}

function withoutDriver(cause: unknown, operation: string, path: string): PylonDbError {
  return new PylonDbError(
    'CANNOT_OPEN',
    `${path} can't be opened: better-sqlite3 is not built for this Node (${process.version}, ${process.platform}-${process.arch})`,
    { path },
    {
      operation,
      cause,
      hint: 'Run `npm rebuild better-sqlite3` with this Node; where install scripts are off, `npm rebuild better-sqlite3 --ignore-scripts=false`.',
    },
  );
}

function full(operation: string, cause: unknown, path: string): PylonDbError {
  // Of a database in memory there is none.
  const room = isAbsolute(path) ? ` (${roomAt(path)})` : '';
  return new PylonDbError(
    'DISK_FULL',
    'the disk, a quota or the database is full',
    {},
    {
      operation,
      cause,
      hint: `Nothing of this call was stored. Free space on the disk of the database${room} and retry.`,
    },
  );
}

function fromSqlite(error: SqliteError, operation: string, path: string): PylonDbError {
  const { code, message } = error;
  const context = (hint: string) => ({ operation, cause: error, hint });
  // Services give every value that must be there: a NULL is a foreign trigger's or a damaged rollup's.
  const isCallers = code !== 'SQLITE_CONSTRAINT_NOTNULL' || CALLERS_SQL.has(operation);
  if (code.startsWith('SQLITE_CONSTRAINT') && isCallers) {
    return new PylonDbError(
      'INVALID_ARGUMENT',
      message,
      { field: 'sql', constraint: CONSTRAINTS[code] ?? 'other' },
      context('Nothing was stored. Give values that the schema allows.'),
    );
  }
  if (isBusy(error)) {
    return new PylonDbError(
      'BUSY',
      'another connection holds the lock',
      { waitedMs: 0 },
      context('Nothing was stored. Try again, or raise busyTimeoutMs.'),
    );
  }
  if (isFull(error, path) || isFullQuota(error, path)) return full(operation, error, path);
  if (CANNOT_OPEN.test(code)) return notOpened(error, operation, path);
  if (code === 'SQLITE_READONLY_ROLLBACK') {
    return new PylonDbError(
      'CANNOT_OPEN',
      `${path} was left in the middle of a transaction: its -journal must be rolled back first`,
      { path },
      context('Open it once for writing, as a user who may write it and its folder.'),
    );
  }
  if (code.startsWith('SQLITE_READONLY')) {
    return new PylonDbError(
      'READ_ONLY',
      'the database can only be read',
      {},
      context('Open it as a user who may write the file and its folder, and without readonly.'),
    );
  }
  if (code.startsWith('SQLITE_NOTADB')) {
    return new PylonDbError(
      'NOT_A_DATABASE',
      `${path} is not an SQLite database`,
      { path },
      context('Give the path of a pylon.db file.'),
    );
  }
  if (code.startsWith('SQLITE_CORRUPT')) {
    return new PylonDbError(
      'CORRUPT',
      message.startsWith(BAD_SCHEMA) ? `${path} can't be read: ${message}` : `${path} is damaged`,
      {},
      context(
        'Check the disk first: a failed read looks the same, and is over when `pylon-db check` finds nothing. Else stop writing to it, keep a copy, and restore the latest backup.',
      ),
    );
  }
  if (/^SQLITE_(IOERR|NOMEM|INTERRUPT|ABORT)/.test(code)) {
    return new PylonDbError(
      'ABORTED',
      code.startsWith('SQLITE_IOERR')
        ? `the disk can't be read or written (${code})`
        : `SQLite stopped with ${code}`,
      {},
      context('Nothing of this call was stored. Check the disk and the free memory, then retry.'),
    );
  }
  if (code === 'SQLITE_TOOBIG') {
    return new PylonDbError(
      'OUT_OF_RANGE',
      'a value is longer than SQLite takes (1,000,000,000 bytes)',
      {},
      context(
        'It was given, or computed by the SQL or a generated column: `pylon-db check` names such a column.',
      ),
    );
  }
  if (CALLERS_SQL.has(operation)) {
    return new PylonDbError(
      'INVALID_ARGUMENT',
      message,
      { field: 'sql' },
      context('Correct the SQL or its parameters.'),
    );
  }
  // The SQL is ours and fits the published schema: what doesn't fit is the file's.
  return new PylonDbError(
    'SCHEMA_MISMATCH',
    `the database doesn't fit: ${message}`,
    { problems: [message] },
    context('Another program changed its schema, or damage did. Restore a backup, or repair it.'),
  );
}

/** How SQLite's words begin for a schema that it can't parse; they name the object. Only shown, not judged. */
const BAD_SCHEMA = 'malformed database schema';

/** Also a WAL file that can't be read without writing next to it: in a folder of others. */
const CANNOT_OPEN = /^SQLITE_(CANTOPEN|PERM|AUTH|READONLY_(CANTINIT|CANTLOCK|DIRECTORY|RECOVERY))/;

/** No room for a page, or for the -shm to grow: there SQLite doesn't say what kept it. */
function isFull({ code }: SqliteError, path: string): boolean {
  if (code === 'SQLITE_IOERR_SHMSIZE') return isNoRoom(lookForRoom(path));
  return code.startsWith('SQLITE_FULL');
}

function notOpened(error: SqliteError, operation: string, path: string): PylonDbError {
  const problem = lookForRoom(path);
  if (isNoRoom(problem)) return full(operation, error, path);
  const code = systemCode(problem);
  if (isNoDescriptor(problem)) return cannotUse(problem, path, operation);
  const owner = ofAnother(path) ?? (code === 'EACCES' ? ofAnother(dirname(path)) : undefined);
  const isReadOnly = code === 'EROFS';
  return new PylonDbError(
    'CANNOT_OPEN',
    isReadOnly
      ? `${path} can't be opened: SQLite must write a -wal and -shm next to it, and the disk is mounted for reading only`
      : `${path} can't be opened${owner === undefined ? '' : `: ${owner.problem}`}`,
    { path },
    {
      operation,
      cause: error,
      hint: isReadOnly
        ? 'Copy it, with its -wal if there is one, to a disk that can be written, and open the copy.'
        : (owner?.hint ??
          'Check that it is a file, and that you may read and write it and its folder.'),
    },
  );
}

/** The operation that {@link toQueryError} gives before it takes it away again. */
const QUESTION = 'query';

/** Operations whose SQL the caller wrote. */
const CALLERS_SQL: ReadonlySet<string> = new Set([...CALLERS_CALLS, QUESTION]);
