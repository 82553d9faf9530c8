import { type Constraint, PylonDbError } from '../../errors.js';
import { StepUntouched } from '../engine.js';
import { BatchFailure } from './batch.js';
import {
  isServerError,
  messageWithoutValues,
  type ServerError,
  withoutSecrets,
} from './server-error.js';

/** No connection could be had; nothing was sent. */
export class NotConnected {
  constructor(readonly cause: unknown) {}
}

/** The connection broke after COMMIT was sent and before its answer came. */
export class CommitUnknown {
  constructor(readonly cause: unknown) {}
}

/** The server answered a COMMIT with ROLLBACK: a statement before it had failed. */
export class RolledBack {}

/** What the callback of a transaction threw: it is the caller's, whatever it looks like. */
export class CallbackThrew {
  constructor(readonly thrown: unknown) {}
}

/** Conflicts with other transactions went on until the time was up. */
export class ConflictedTooLong {
  constructor(
    readonly waitedMs: number,
    readonly cause: unknown,
  ) {}
}

const SERIALIZATION_FAILURE = '40001';
const DEADLOCK_DETECTED = '40P01';
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * A prepared statement that the connection no longer has (behind a pooler), or whose tables another
 * session altered. Nothing ran: prepared anew, it may.
 */
const STALE_STATEMENT = /^(?:26000|0A000)$/;

/** Class 08, and the server's words for going away or not being up yet. */
const CONNECTION_STATES = /^(?:08...|57P0[1-5])$/;

/** What the server or the socket said, out of its wrapping. */
function said(error: unknown): unknown {
  return error instanceof BatchFailure || error instanceof NotConnected ? error.cause : error;
}

/** Whether the same transaction may succeed when it is tried again: nothing of it is stored. */
export function isConflict(error: unknown): boolean {
  const cause = said(error);
  return (
    isServerError(cause) &&
    (cause.code === SERIALIZATION_FAILURE || cause.code === DEADLOCK_DETECTED)
  );
}

/** Tells how long a call waited, in ms since `start`, when it gave up on another's lock. */
export function timedLock(error: unknown, start: number): unknown {
  const cause = said(error);
  if (!isServerError(cause) || cause.code !== LOCK_NOT_AVAILABLE) return error;
  return new ConflictedTooLong(Math.round(performance.now() - start), cause);
}

/** Whether prepared statements must be prepared anew. */
export function isStale(error: unknown): boolean {
  return (
    error instanceof BatchFailure &&
    isServerError(error.cause) &&
    STALE_STATEMENT.test(error.cause.code)
  );
}

/** Whether two sessions made a table of one name in the same moment: IF NOT EXISTS doesn't help. */
export function hasRacedForTables(error: unknown): boolean {
  if (!isServerError(error)) return false;
  return error.code === '42P07' || (error.code === '23505' && /^pg_/.test(error.constraint ?? ''));
}

/** Whether the connection is gone. What it was last asked may have happened all the same. */
export function isConnectionLost(error: unknown): boolean {
  const cause = said(error);
  if (isServerError(cause)) return CONNECTION_STATES.test(cause.code);
  if (cause instanceof PylonDbError || isCallersMistake(cause)) return false;
  // pg's own errors of a broken socket have no code, or the system's: ECONNRESET, EPIPE.
  return cause instanceof Error;
}

/** pg could not send a parameter. */
function isCallersMistake(error: unknown): error is TypeError | RangeError {
  return error instanceof TypeError || error instanceof RangeError;
}

/**
 * The error that a caller gets for what the server said, decided by SQLSTATE and never by its text.
 * Called behind an `await` in the caller's own chain, so that the stack names it. `StepUntouched`
 * passes through: only the service knows what it means.
 */
export function toldToCaller(error: unknown, operation: string, address: string): unknown {
  if (error instanceof StepUntouched) return error;
  if (error instanceof CallbackThrew) return error.thrown;
  if (error instanceof PylonDbError) return error.toldBy(operation);
  if (error instanceof RolledBack) return rolledBack(operation);
  if (error instanceof CommitUnknown) {
    return new PylonDbError(
      'COMMIT_UNKNOWN',
      'the connection broke after COMMIT was sent',
      {},
      {
        operation,
        cause: withoutSecrets(error.cause),
        hint: 'It may be stored or not: read it back before trying again.',
      },
    );
  }
  if (error instanceof ConflictedTooLong) {
    return busy(operation, error.waitedMs, error.cause);
  }
  const cause = said(error);
  if (isServerError(cause)) return fromServer(cause, operation, address);
  if (isCallersMistake(cause)) {
    return new PylonDbError(
      'INVALID_ARGUMENT',
      cause.message,
      { field: 'sql' },
      { operation, cause, hint: 'Bind strings, numbers, bigints, booleans, buffers or null.' },
    );
  }
  if (error instanceof NotConnected || error instanceof BatchFailure || isConnectionLost(cause)) {
    return connectionLost(operation, address, cause);
  }
  return error;
}

function rolledBack(operation: string): PylonDbError {
  return new PylonDbError(
    'ABORTED',
    'the server rolled it back, because a statement of it had failed',
    {},
    { operation, hint: 'Nothing of it was stored. Let errors of calls on tx end the callback.' },
  );
}

function busy(operation: string, waitedMs: number, cause: unknown): PylonDbError {
  return new PylonDbError(
    'BUSY',
    `other transactions stood in the way for ${waitedMs} ms`,
    { waitedMs },
    {
      operation,
      cause: withoutSecrets(cause),
      hint: 'Nothing was stored. Try again, raise busyTimeoutMs, or find the long transaction.',
    },
  );
}

/** The error that opening gives for what the server or the network said. */
export function cannotOpen(error: unknown, operation: string, address: string): unknown {
  const cause = said(error);
  if (!(error instanceof NotConnected) || isServerError(cause)) {
    return toldToCaller(error, operation, address);
  }
  if (isCallersMistake(cause) || cause instanceof URIError) {
    return new PylonDbError(
      'INVALID_ARGUMENT',
      'the URL of the server is malformed',
      { field: 'path' },
      { operation, hint: 'Write special characters of user and password as %40, %3A, %2F.' },
    );
  }
  return new PylonDbError(
    'CANNOT_OPEN',
    `nobody answers at ${address}`,
    { path: address },
    {
      operation,
      cause: withoutSecrets(cause),
      hint: 'Look whether the server is up, and check host, port, password and TLS.',
    },
  );
}

function connectionLost(operation: string, address: string, cause: unknown): PylonDbError {
  return new PylonDbError(
    'CONNECTION_LOST',
    `there is no connection to ${address}`,
    {},
    {
      operation,
      cause: withoutSecrets(cause),
      hint: 'Nothing of this call was stored. Look whether the server is up, and try again.',
    },
  );
}

const CONSTRAINTS: Readonly<Record<string, Constraint>> = {
  '23502': 'not_null',
  '23503': 'foreign_key',
  '23514': 'check',
  P0001: 'trigger',
};

function constraintOf({ code, constraint = '' }: ServerError): Constraint {
  if (code === '23505') return constraint.endsWith('_pkey') ? 'primary_key' : 'unique';
  return CONSTRAINTS[code] ?? 'other';
}

function fromServer(error: ServerError, operation: string, address: string): PylonDbError {
  const { code } = error;
  const context = (hint: string) => ({ operation, cause: withoutSecrets(error), hint });
  if (code.startsWith('23') || code === 'P0001') {
    return new PylonDbError(
      'INVALID_ARGUMENT',
      `the schema doesn't allow it: ${constraintOf(error)} ${error.constraint ?? ''}`.trimEnd(),
      { field: 'sql', constraint: constraintOf(error) },
      context('Nothing was stored. Give values that the schema allows.'),
    );
  }
  if (isConflict(error) || code === LOCK_NOT_AVAILABLE) return busy(operation, 0, error);
  if (CONNECTION_STATES.test(code)) return connectionLost(operation, address, error);
  if (code === '53100') {
    return new PylonDbError(
      'DISK_FULL',
      "the server's disk is full",
      {},
      context('Nothing of this call was stored. Free space on the disk of the server and retry.'),
    );
  }
  // A wrong password or user, an unknown database or schema, no more connections.
  if (/^(?:28|3D|3F|53)/.test(code)) {
    return new PylonDbError(
      'CANNOT_OPEN',
      `${address} can't be opened (${code})`,
      { path: address },
      context('Check user, password, database, search_path and the number of connections.'),
    );
  }
  if (code === '25006' || code === '42501') {
    return new PylonDbError(
      'READ_ONLY',
      'the database can only be read',
      {},
      context('Use the primary server and a user who may write, and open without readonly.'),
    );
  }
  if (code === '22003') {
    return new PylonDbError(
      'OUT_OF_RANGE',
      'a number is beyond what the server stores',
      {},
      context('Nothing was changed. Give a smaller number.'),
    );
  }
  if (/^XX00[12]/.test(code)) {
    return new PylonDbError(
      'CORRUPT',
      `${address} is damaged`,
      {},
      context('Stop writing to it, and restore the latest backup of the server.'),
    );
  }
  if (/^(?:25P|57|58|XX)/.test(code)) {
    return new PylonDbError(
      'ABORTED',
      `the server stopped it (${code})`,
      {},
      context('Nothing of this call was stored. Look at the log of the server, then retry.'),
    );
  }
  return fromSql(error, operation, context);
}

/** Operations whose SQL the caller wrote. */
const CALLERS_SQL: ReadonlySet<string> = new Set(['db.kysely', 'tx.kysely', '']);

function fromSql(
  error: ServerError,
  operation: string,
  context: (hint: string) => { operation: string; cause: unknown; hint: string },
): PylonDbError {
  const { code } = error;
  const problem = code.startsWith('22')
    ? `a value doesn't fit its type (${code})`
    : messageWithoutValues(error);
  if (CALLERS_SQL.has(operation) || code.startsWith('54')) {
    return new PylonDbError(
      'INVALID_ARGUMENT',
      problem,
      { field: 'sql' },
      context('Correct the SQL or its parameters.'),
    );
  }
  return new PylonDbError(
    'SCHEMA_MISMATCH',
    `the database doesn't fit: ${problem}`,
    { problems: [problem] },
    context('Another program changed its schema. Compare it with `pylon-db migrate verify`.'),
  );
}
