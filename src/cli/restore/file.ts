import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { runInChild } from '../../backup/child.js';
import type { BackupManifest } from '../../backup/manifest.js';
import { removeLeftovers } from '../../backup/partial-files.js';
import type { OnProgress } from '../../backup/progress.js';
import { isInWalMode } from '../../backup/untouched.js';
import { verifyBackup } from '../../backup/verify.js';
import { isPylonDbError } from '../../errors.js';
import { COMMAND_CHILD } from '../shell/child.js';
import { type Opener, otherOpeners } from '../shell/openers.js';
import { assertUnused } from './in-use.js';
import { type Kept, type RestoreRecord, readRecord, writeRecord } from './record.js';
import { assertAnother } from './refused-backups.js';
import type { Replaced, RestoreReport, RestoreTask } from './task.js';
import { toldWithWhatStands } from './what-stands.js';

/** What is restored, where, and how. */
interface RestoreProps {
  /** The live database, as an absolute path; it may be missing. */
  readonly path: string;
  /** A copy that a dry run looks at in the place of a file that can't be opened where it is. */
  readonly readFrom?: string | undefined;
  /** The backup, as an absolute path. */
  readonly backup: string;
  /** Unix seconds. */
  readonly now: number;
  /** Accept a backup without manifest, and one with triggers that the live file doesn't have. */
  readonly force: boolean;
  /** Check everything, and change nothing. */
  readonly dryRun: boolean;
  /** Replace rows with a backup of another database. */
  readonly replaceOther: boolean;
  /** Called before anything is changed, with where it is kept. */
  readonly onKept?: (kept: Kept & Pick<Replaced, 'later'>) => void;
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
  /** Processes that have to end first, as far as this user may see; of a dry run alone. */
  readonly openers: readonly Opener[];
  /** The restore before this one, if there was one. */
  readonly last: RestoreRecord | undefined;
}

/**
 * Puts a backup in the place of a database, whole or not at all. Throws `BACKUP_INVALID`,
 * `IN_USE` naming the processes that have the file open (a dry run lists them), `SCHEMA_MISMATCH` when another program's
 * database stands there, `INVALID_ARGUMENT` for a backup of another database, `DISK_FULL`, `ABORTED`.
 * The error says what stands at the path when that isn't the old database as it was.
 */
export async function restoreDatabase(props: RestoreProps): Promise<Restored> {
  const { path, readFrom, backup, now, force, replaceOther, dryRun } = props;
  const { onProgress, onKept, signal } = props;
  const start = performance.now();
  assertAnother(path, backup);
  if (!dryRun) await assertUnused(path);
  const last = readRecord(path);
  const watched = { signal };
  const manifest = await verifyBackup(backup, { ...watched, onProgress, withoutManifest: force });
  if (!dryRun) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    removeLeftovers(dirname(path));
  }
  const begun = { backup, started_at: now };
  const before = { path, existed: existsSync(path), wasInWalMode: await isInWalMode(path) };
  const onReport = (report: RestoreReport) => {
    if ('step' in report) onProgress?.(report);
    else onKept?.(report);
  };
  try {
    const replaced = await runInChild<RestoreTask>(
      COMMAND_CHILD,
      'restore',
      { path, readFrom, backup, now, force, replaceOther, dryRun, expected: manifest },
      { ...watched, onReport },
    );
    const duration_ms = Math.round(performance.now() - start);
    const kept = { safety_copy: replaced.safety_copy, moved_aside: replaced.moved_aside };
    if (!dryRun) finish(path, { ...begun, outcome: 'restored', duration_ms, ...kept });
    const openers = dryRun ? await otherOpeners(path) : [];
    return { path, backup, dry_run: dryRun, manifest, duration_ms, openers, last, ...replaced };
  } catch (error) {
    if (dryRun) throw error;
    // The child wrote it before it changed anything, and the message about it may be lost. A restore
    // that was refused has none: the record goes on naming what the last one kept.
    const written = readRecord(path);
    const isOurs =
      written?.outcome === 'interrupted' && written.started_at === now && written.backup === backup;
    const { safety_copy, moved_aside }: Kept = isOurs ? written : {};
    const kept = { safety_copy, moved_aside };
    const outcome = isPylonDbError(error) ? error.code : 'UNEXPECTED';
    const duration_ms = Math.round(performance.now() - start);
    if (isOurs) finish(path, { ...begun, outcome, duration_ms, ...kept });
    throw await toldWithWhatStands(error, before, kept);
  }
}

/** The record only informs: what it can't read changes nothing of what was done. */
function finish(path: string, record: RestoreRecord): void {
  try {
    writeRecord(path, record);
  } catch {
    // The disk is full, or was removed.
  }
}
