import { PylonDbError } from '../../errors.js';
import { BatchFailure } from './batch.js';
import { isServerError } from './server-error.js';

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
/** SQLSTATE of what the role has no right to. */
export const INSUFFICIENT_PRIVILEGE = '42501';
/** SQLSTATE of a lock that was waited for too long. */
export const LOCK_NOT_AVAILABLE = '55P03';

/** SQLSTATE of a prepared statement that the connection no longer has, behind a pooler. */
const UNKNOWN_STATEMENT = '26000';

/**
 * SQLSTATE of a prepared statement whose tables another session altered, and of much else that a
 * server doesn't do: see {@link REPLANNING}.
 */
const NOT_IMPLEMENTED = '0A000';

/** The server's function that refuses a plan whose columns changed. */
const REPLANNING = 'RevalidateCachedQuery';

/** Class 08, and the server's words for going away or not being up yet. */
export const CONNECTION_STATES = /^(?:08...|57P0[1-5])$/;

/** What the server or the socket said, out of its wrapping. */
export function unwrapFailure(error: unknown): unknown {
  return error instanceof BatchFailure || error instanceof NotConnected ? error.cause : error;
}

/** Whether the same transaction may succeed when it is tried again: nothing of it is stored. */
export function isConflict(error: unknown): boolean {
  const cause = unwrapFailure(error);
  return (
    isServerError(cause) &&
    (cause.code === SERIALIZATION_FAILURE || cause.code === DEADLOCK_DETECTED)
  );
}

/** How long a call waited, in ms since `start`, when it gave up on another's lock. */
export function timedLock(error: unknown, start: number): unknown {
  const cause = unwrapFailure(error);
  if (!isServerError(cause) || cause.code !== LOCK_NOT_AVAILABLE) return error;
  return new ConflictedTooLong(Math.round(performance.now() - start), cause);
}

/** Whether prepared statements must be prepared anew. Nothing ran: then it may. */
export function isStale(error: unknown): boolean {
  if (!(error instanceof BatchFailure) || !isServerError(error.cause)) return false;
  const { code, routine } = error.cause;
  return code === UNKNOWN_STATEMENT || (code === NOT_IMPLEMENTED && routine === REPLANNING);
}

/** SQLSTATE of what takes no transaction around it: VACUUM, and a procedure that commits. */
const TAKES_NO_TRANSACTION: ReadonlySet<string> = new Set(['25001', '2D000']);

/** Whether the server refused a statement because it stands in a transaction. */
export function takesNoTransaction(error: unknown): boolean {
  const cause = unwrapFailure(error);
  return isServerError(cause) && TAKES_NO_TRANSACTION.has(cause.code);
}

/** Whether the server doesn't do what a statement asks for. */
export function isUnsupported(error: unknown): boolean {
  const cause = unwrapFailure(error);
  return isServerError(cause) && cause.code === NOT_IMPLEMENTED && !isStale(error);
}

/** Whether two sessions made a table of one name in the same moment: IF NOT EXISTS doesn't help. */
export function hasRacedForTables(error: unknown): boolean {
  if (!isServerError(error)) return false;
  return error.code === '42P07' || (error.code === '23505' && /^pg_/.test(error.constraint ?? ''));
}

/** Whether the connection is gone. What it was last asked may have happened all the same. */
export function isConnectionLost(error: unknown): boolean {
  const cause = unwrapFailure(error);
  if (isServerError(cause)) return CONNECTION_STATES.test(cause.code);
  if (cause instanceof PylonDbError || isCallersMistake(cause)) return false;
  // pg's own errors of a broken socket have no code, or the system's: ECONNRESET, EPIPE.
  return cause instanceof Error;
}

/** pg could not send a parameter. */
export function isCallersMistake(error: unknown): error is TypeError | RangeError {
  return error instanceof TypeError || error instanceof RangeError;
}
