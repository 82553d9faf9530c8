import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { connect } from '../../engine/sqlite/database-file.js';
import { isPylonDbError } from '../../errors.js';
import type { BackupManifest } from '../backup/manifest.js';
import { removeLeftovers } from '../backup/partial-files.js';
import { isInWalMode } from '../backup/untouched.js';
import { verifyBackup } from '../backup/verify.js';
import { runInChild } from '../child.js';
import type { OnProgress } from '../progress.js';
import { assertAnother } from './another-file.js';
import { assertUnused } from './in-use.js';
import { type RestoreRecord, readRecord, writeRecord } from './record.js';
import type { Replaced } from './restore-task.js';

/** What is restored, where, and how. */
export interface RestoreProps {
  /** The live database, as an absolute path; it may be missing. */
  readonly path: string;
  /** The backup, as an absolute path. */
  readonly backup: string;
  /** Unix seconds. */
  readonly now: number;
  /** Accept a backup without manifest, and one with triggers that the live file doesn't have. */
  readonly force: boolean;
  /** Check everything, and change nothing. */
  readonly dryRun: boolean;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** What a restore did, or would do. */
export interface Restored extends Replaced {
  readonly path: string;
  readonly backup: string;
  readonly dry_run: boolean;
  readonly manifest: BackupManifest;
  readonly duration_ms: number;
  /** The restore before this one, if there was one. */
  readonly last: RestoreRecord | undefined;
}

/**
 * Puts a backup in the place of a database, whole or not at all. Throws `BACKUP_INVALID`,
 * `IN_USE` naming the processes that have the file open, `SCHEMA_MISMATCH` when another program's
 * database stands there, `DISK_FULL`, `ABORTED`; then the old database is as it was.
 */
export async function restoreDatabase(props: RestoreProps): Promise<Restored> {
  const { path, backup, now, force, dryRun, onProgress, signal } = props;
  const start = performance.now();
  assertAnother(path, backup);
  await assertUnused(path);
  const last = readRecord(path);
  const watched = { operation: '', signal };
  const manifest = await verifyBackup(backup, { ...watched, onProgress, withoutManifest: force });
  const tell = (finished: Partial<RestoreRecord>) => {
    if (dryRun) return;
    writeRecord(path, { backup, started_at: now, outcome: 'interrupted', ...finished });
  };
  if (!dryRun) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    removeLeftovers(dirname(path));
  }
  tell({});
  const wasInWalMode = await isInWalMode(path);
  try {
    const replaced = await runInChild(
      'restore',
      { path, backup, now, force, dryRun, expected: manifest },
      { ...watched, ...(onProgress === undefined ? {} : { onReport: onProgress }) },
    );
    const duration_ms = Math.round(performance.now() - start);
    tell({ outcome: 'restored', duration_ms, safety_copy: replaced.safety_copy });
    return { path, backup, dry_run: dryRun, manifest, duration_ms, last, ...replaced };
  } catch (error) {
    const code = isPylonDbError(error) ? error.code : 'UNEXPECTED';
    tell({ outcome: code, duration_ms: Math.round(performance.now() - start) });
    if (!dryRun) await settle(path, wasInWalMode);
    throw error;
  }
}

/** Lets SQLite undo what a stopped copy began, so that readers find the old database as it was. */
async function settle(path: string, wasInWalMode: boolean): Promise<void> {
  const leftWalMode = wasInWalMode && !(await isInWalMode(path));
  if (!leftWalMode && !existsSync(`${path}-journal`)) return;
  try {
    const db = connect(path, false, '');
    try {
      db.prepare('select count(*) from sqlite_master').get();
      if (leftWalMode) db.pragma('journal_mode = wal');
    } finally {
      db.close();
    }
  } catch {
    // In use, damaged or gone: the next writer that opens it undoes it as well.
  }
}
