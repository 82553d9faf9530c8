import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import Database from 'better-sqlite3';
import { migrations } from '../../migrations/index.js';
import { connect } from '../engine/sqlite/database-file.js';
import { INITIAL_MIGRATION } from '../migrate/migration-names.js';
import { readLedger, refusePending } from '../migrate/schema-check.js';
import { quoted } from '../schema/tables.js';
import { integrityOf, tablesOf } from './integrity.js';
import type { BackupFacts } from './manifest.js';
import type { Progress } from './progress.js';
import { NotWhole } from './second-look.js';

/** Bytes of a file that are read at once. */
const CHUNK_BYTES = 1024 * 1024;

/** How many problems an error reports. */
const PROBLEMS_SHOWN = 3;

/** The size and SHA-256 of a file, read once. It must not be a live database of this process. */
export async function hashFile(
  path: string,
  report: (progress: Progress) => void,
): Promise<Pick<BackupFacts, 'size_bytes' | 'sha256'>> {
  const file = await open(path, 'r');
  try {
    const total = (await file.stat()).size;
    const hash = createHash('sha256');
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    let done = 0;
    for (;;) {
      const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, null);
      if (bytesRead === 0) break;
      hash.update(chunk.subarray(0, bytesRead));
      done += bytesRead;
      report({ step: 'hashing', done, total, unit: 'bytes' });
    }
    return { size_bytes: done, sha256: hash.digest('hex') };
  } finally {
    await file.close();
  }
}

/** What the database says of itself, but for the file's bytes. */
type SnapshotFacts = Omit<BackupFacts, 'size_bytes' | 'sha256'>;

/**
 * Looks through a whole database that nobody writes; `isIntact` says that its pages were checked
 * already, which takes most of the time. Throws {@link NotWhole} where `integrity_check` finds
 * something, `SCHEMA_MISMATCH` for another program's file or a newer pylon-db's, and the driver's errors.
 */
export function readFacts(
  path: string,
  report: (progress: Progress) => void,
  { isIntact = false } = {},
): SnapshotFacts {
  const step = (done: number) => report({ step: 'checking', done, total: 4, unit: 'steps' });
  const db = connect(path, true);
  try {
    // It may be forged: its views, indexes and checks may not call unsafe functions.
    db.pragma('trusted_schema = off');
    const { applied } = readLedger(db, migrations);
    if (!applied.includes(INITIAL_MIGRATION)) refusePending('', [INITIAL_MIGRATION]);
    step(1);
    if (!isIntact) assertIntact(db);
    step(2);
    const tables = tablesOf(db);
    const foreign_key_violations = sum(tables.map((table) => countViolations(db, table)));
    step(3);
    const rows = Object.fromEntries(tables.map((table) => [table, countRows(db, table)]));
    step(4);
    return { rows, foreign_key_violations, migrations: applied, identity: identityIn(db) };
  } finally {
    db.close();
  }
}

function assertIntact(db: Database.Database): void {
  const found: string[] = [];
  for (const line of integrityOf(db, 'integrity_check')) {
    // A table that can't be compared is whole as a backup: its rows are there, and counted.
    if (typeof line === 'string' && found.length < PROBLEMS_SHOWN) found.push(line);
  }
  if (found.length > 0) throw new NotWhole(found.join('; '));
}

function countRows(db: Database.Database, table: string): number {
  return Number(
    db
      .prepare(`select count(*) from ${quoted(table)}`)
      .pluck()
      .get(),
  );
}

function countViolations(db: Database.Database, table: string): number {
  try {
    const count = db.prepare('select count(*) from pragma_foreign_key_check(?)').pluck();
    return Number(count.get(table));
  } catch (error) {
    // Another program declared a key that no unique index backs: SQLite itself can't check it.
    if (error instanceof Database.SqliteError && error.code === 'SQLITE_ERROR') return 0;
    throw error;
  }
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

/**
 * The UUID that names a database; `null` in a file that was last migrated before there were
 * identities, and in another program's.
 */
export function identityIn(db: Database.Database): string | null {
  const table = "select 1 from sqlite_master where type = 'table' and name = 'pylon_db_identity'";
  if (db.prepare(table).get() === undefined) return null;
  const identity = db.prepare('select identity from pylon_db_identity where id = 1').pluck().get();
  return typeof identity === 'string' && identity !== '' ? identity : null;
}
