import { type Constraint, PylonDbError } from '../../errors.js';
import { StepWithoutRows } from '../engine.js';
import { CALLERS_CALLS } from '../refusals.js';
import { BatchFailure } from './batch.js';
import {
  CallbackThrew,
  CONNECTION_STATES,
  CommitUnknown,
  ConflictedTooLong,
  isCallersMistake,
  isConflict,
  isConnectionLost,
  LOCK_NOT_AVAILABLE,
  NotConnected,
  RolledBack,
  unwrapFailure,
} from './failures.js';
import { noRight } from './no-right.js';
import {
  isServerError,
  messageWithoutValues,
  type ServerError,
  withoutSecrets,
} from './server-error.js';

/**
 * The error that a caller gets for what the server said, decided by SQLSTATE and never by its text.
 * Called behind an `await` in the caller's own chain, so that the stack names it. `StepWithoutRows`
 * passes through: only the service knows what it means.
 */
export function toPylonDbError(error: unknown, address: string, operation = ''): unknown {
  if (error instanceof StepWithoutRows) return error;
  if (error instanceof CallbackThrew) return error.thrown;
  if (error instanceof PylonDbError) return error.withOperation(operation);
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
  const cause = unwrapFailure(error);
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
  const cause = unwrapFailure(error);
  if (cause instanceof PylonDbError) return cause.withOperation(operation);
  const denied = noRight(error, { operation, address, isRead: true });
  if (denied !== undefined) return denied;
  if (!(error instanceof NotConnected) || isServerError(cause)) {
    return toPylonDbError(error, address, operation);
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

/** Citus names a constraint of a shard like that of its table, with the shard's number behind it. */
const PRIMARY_KEY = /_pkey(?:_\d+)?$/;

function constraintOf({ code, constraint = '' }: ServerError): Constraint {
  if (code === '23505') return PRIMARY_KEY.test(constraint) ? 'primary_key' : 'unique';
  return CONSTRAINTS[code] ?? 'other';
}

function fromServer(error: ServerError, operation: string, address: string): PylonDbError {
  const { code } = error;
  const context = (hint: string) => ({ operation, cause: withoutSecrets(error), hint });
  // Services give every value that must be there: a NULL is a foreign trigger's.
  const isCallers = code !== '23502' || CALLERS_SQL.has(operation);
  if ((code.startsWith('23') && isCallers) || code === 'P0001') {
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
  if (code === '25006') {
    return new PylonDbError(
      'READ_ONLY',
      'the transaction can only read',
      {},
      context(
        'Nothing was stored. Write on the primary, without readonly, as a role whose default_transaction_read_only is off.',
      ),
    );
  }
  const denied = noRight(error, { operation, address, isRead: false });
  if (denied !== undefined) return denied;
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
  const place = PLACES[code];
  if (place !== undefined) {
    return new PylonDbError(
      'INVALID_ARGUMENT',
      messageWithoutValues(error),
      { field: 'sql' },
      context(place),
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

const OUTSIDE = 'Send it through db.kysely, outside of a transaction.';

/** Where to send what needs a transaction (LOCK TABLE), or takes none (VACUUM), by SQLSTATE. */
const PLACES: Readonly<Record<string, string>> = {
  '25P01': 'Send it through tx.kysely in db.transaction(async tx => …).',
  '25001': OUTSIDE,
  '2D000': OUTSIDE,
  '34000': 'A cursor lives in its transaction: declare it and fetch from it through tx.kysely.',
};

/** Operations whose SQL the caller wrote. */
const CALLERS_SQL: ReadonlySet<string> = new Set([...CALLERS_CALLS, '']);

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
    context(
      'Another program changed its schema. `pylon-db check --repair` makes lost views and indexes again; `pylon-db migrate verify` shows all that differs.',
    ),
  );
}
