import Database from 'better-sqlite3';
import { CommitUnknown, isFullQuota } from './sqlite-errors.js';

/**
 * How long the overwrite may wait for another process's lock, in ms. It blocks: nothing else may
 * run on the connection before it, and a disk that fails is rare.
 */
const BLOCKING_MS = 1000;

/**
 * What to throw for the failure of a COMMIT, or of a statement that commits by itself: the error
 * when nothing of it will ever be stored, or {@link CommitUnknown}.
 *
 * A sync or the growth of the -shm can fail behind a commit frame that is whole. Nobody sees that
 * frame, but recovery after a crash would replay it. So it is overwritten before anybody hears that
 * nothing was stored.
 */
export function afterFailedCommit(db: Database.Database, error: unknown): unknown {
  if (!mayLeaveFrame(error) || db.readonly || db.memory) return error;
  if (isFullQuota(error, db.name)) return error;
  return isOverwritten(db) ? error : new CommitUnknown(error);
}

/** Runs what commits, or is a statement that does; throws as {@link afterFailedCommit} says. */
export function committing<Result>(db: Database.Database, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    throw afterFailedCommit(db, error);
  }
}

/** Not a full disk: what it refuses to write is a part of the last frame, or stands before it. */
function mayLeaveFrame(error: unknown): boolean {
  return error instanceof Database.SqliteError && /^SQLITE_(?:IOERR|NOMEM)/.test(error.code);
}

function isOverwritten(db: Database.Database): boolean {
  try {
    const synchronous = Number(db.pragma('synchronous', { simple: true }));
    const timeoutMs = Number(db.pragma('busy_timeout', { simple: true }));
    try {
      // Else a power cut could leave the old frame where the new one should be.
      db.pragma('synchronous = full');
      db.pragma(`busy_timeout = ${BLOCKING_MS}`);
      return commitsSameValue(db) || isTruncated(db);
    } finally {
      db.pragma(`synchronous = ${synchronous}`);
      db.pragma(`busy_timeout = ${timeoutMs}`);
    }
  } catch {
    return false;
  }
}

/** Stores a value that is there already: its frame takes the refused one's place. */
function commitsSameValue(db: Database.Database): boolean {
  try {
    db.exec('begin immediate');
    db.pragma(`user_version = ${Number(db.pragma('user_version', { simple: true }))}`);
    db.exec('commit');
    return true;
  } catch {
    if (db.inTransaction) db.exec('rollback');
    return false;
  }
}

/** Empties the WAL, the refused frame with it: for when it can't be written, but the file can. */
function isTruncated(db: Database.Database): boolean {
  try {
    // The first column is `busy`.
    return db.pragma('wal_checkpoint(truncate)', { simple: true }) === 0;
  } catch {
    return false;
  }
}
