import type Database from 'better-sqlite3';
import { PylonDbError } from '../../errors.js';
import type { Durability } from '../engine.js';

/** How long SQLite itself may block on a lock, in ms; longer waits are ours and don't block. */
export const BLOCKING_TIMEOUT_MS = 1;

/** Page cache of each connection in KiB: 64 MB hold the inner pages of every index at 10M rows. */
const CACHE_KIB = 65_536;

/** Pages in the WAL before a commit checkpoints it: 16 MB; each checkpoint costs fsyncs. */
export const CHECKPOINT_PAGES = 4000;

/** What the WAL file is cut back to after a large transaction, in bytes. */
const WAL_KEPT_BYTES = 32 * 1024 * 1024;

/** Below it a WAL reset could corrupt the file (fixed in 3.51.3). */
const OLDEST_SQLITE = [3, 51, 3] as const;

/** Settings of a connection that the file doesn't keep. Throws when SQLite answers otherwise. */
export function applyConnectionPragmas(db: Database.Database, durability: Durability): void {
  refuseOldSqlite(db);
  // NORMAL as published: a power cut may drop the latest commits, never half of one.
  set(db, 'synchronous', durability === 'full' ? 2 : 1);
  // Off by default in SQLite and in its shell; an earning must not name a job that isn't there.
  set(db, 'foreign_keys', 1);
  // Sorts and savepoint journals of triggers stay off the disk, which may be the full one.
  set(db, 'temp_store', 2);
  set(db, 'cache_size', -CACHE_KIB);
  // The file comes from elsewhere: its views and triggers may not call unsafe functions.
  set(db, 'trusted_schema', 0);
  // Its pages may be forged or damaged: every cell is checked before it is followed.
  set(db, 'cell_size_check', 1);
}

/** Settings of a connection that writes. */
export function applyWriterPragmas(db: Database.Database): void {
  set(db, 'wal_autocheckpoint', CHECKPOINT_PAGES);
  set(db, 'journal_size_limit', WAL_KEPT_BYTES);
}

/** Turns WAL mode on, as published; it stays in the file. Throws the driver's error when busy. */
export function turnOnWal(db: Database.Database): void {
  if (db.pragma('journal_mode', { simple: true }) === 'wal') return;
  set(db, 'journal_mode', 'wal');
}

function set(db: Database.Database, pragma: string, value: number | string): void {
  db.pragma(`${pragma} = ${value}`);
  const answer = db.pragma(pragma, { simple: true });
  if (answer === value) return;
  throw new PylonDbError(
    'NOT_SUPPORTED',
    `SQLite answers ${String(answer)} to PRAGMA ${pragma} = ${value}`,
    {},
    { operation: 'PylonDb.open', hint: 'Use a file system and an SQLite build that allow it.' },
  );
}

function refuseOldSqlite(db: Database.Database): void {
  const version = String(db.prepare('select sqlite_version()').pluck().get());
  const parts = version.split('.').map(Number);
  for (const [i, least] of OLDEST_SQLITE.entries()) {
    const part = parts[i] ?? 0;
    if (part > least) return;
    if (part < least) {
      throw new PylonDbError(
        'NOT_SUPPORTED',
        `SQLite ${version} can corrupt a WAL file`,
        {},
        { operation: 'PylonDb.open', hint: 'Install better-sqlite3 with SQLite 3.51.3 or later.' },
      );
    }
  }
}
