import { realpathSync, statfsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { runInChild } from '../../backup/child.js';
import type { OnProgress } from '../../backup/progress.js';
import { type RestoreRecord, readRecord } from '../restore/record.js';
import { COMMAND_CHILD } from '../shell/child.js';
import { type Opener, otherOpeners } from '../shell/openers.js';
import { sizeOf } from '../vacuum/disk-space.js';
import { backupsIn, type LastBackup } from './backups.js';
import type { DatabaseFacts } from './database-facts.js';
import type { Finding } from './finding.js';
import { checkPermissions, repairModes } from './permissions.js';
import type { SkippedCheck } from './run-checks.js';
import type { CheckDepth, CheckTask } from './task.js';

/** What is checked, and whether it is repaired. */
interface CheckOptions {
  readonly depth: CheckDepth;
  /** Makes our own objects again, counts wrong rollups anew, and takes the files' rights from group and others. */
  readonly repair: boolean;
  /** How long a repair waits for other processes, in ms. */
  readonly busyTimeoutMs: number;
  /** Where backups are looked for. */
  readonly backupFolder: string;
  /** A copy that is looked through in the place of the file; then nothing is repaired in it. */
  readonly readFrom?: string | undefined;
  /** What `checkPermissions` found before the file was opened: SQLite may change its sidecars. */
  readonly permissions: readonly Finding[];
  /** Unix seconds. */
  readonly now: number;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** What a check found, after the repair if there was one. Field names are those of the JSON answer. */
export interface CheckReport {
  /** Absolute, without links. */
  readonly path: string;
  readonly depth: CheckDepth;
  readonly findings: readonly Finding[];
  readonly skipped: readonly SkippedCheck[];
  /** What `repair` did, a sentence each. */
  readonly repaired: readonly string[];
  readonly versions: {
    readonly pylon_db: string;
    readonly node: string;
    readonly better_sqlite3: string;
  };
  /** `null` for a file that is too damaged to be asked. */
  readonly database: DatabaseFacts | null;
  readonly sizes: Sizes;
  /** Other processes that have the file open, as far as this user may see. */
  readonly openers: readonly Opener[];
  readonly last_backup: LastBackup | null;
  readonly last_restore: RestoreRecord | null;
  readonly duration_ms: number;
}

interface Sizes {
  readonly file_bytes: number;
  readonly wal_bytes: number;
  /** Of the file: pages that hold nothing; `null` for a damaged file. */
  readonly free_bytes: number | null;
  readonly disk_free_bytes: number;
}

/**
 * Looks through a database in a process of its own, in one state of it, and reports its findings: all
 * but the schema's drift. Throws `CANNOT_OPEN`, `NOT_A_DATABASE`, `SCHEMA_MISMATCH` for another
 * program's file, `ABORTED`, and `BUSY` when others kept a repair waiting; damage is a finding.
 */
export async function checkDatabase(
  givenPath: string,
  options: CheckOptions,
): Promise<CheckReport> {
  const { depth, repair, busyTimeoutMs, backupFolder, now, onProgress, signal } = options;
  const { readFrom, permissions } = options;
  const start = performance.now();
  const path = realpathSync(givenPath);
  const checked = await runInChild<CheckTask>(
    COMMAND_CHILD,
    'check',
    { path: readFrom ?? path, depth, repair, busyTimeoutMs },
    { signal, ...(onProgress === undefined ? {} : { onReport: onProgress }) },
  );
  const repaired = repair ? repairModes(path) : [];
  const identity = checked.database?.identity ?? null;
  const backups = backupsIn(backupFolder, now, { identity, host: hostname(), path });
  return {
    path,
    depth,
    findings: [
      ...checked.findings,
      ...(repair ? checkPermissions(path) : permissions),
      ...backups.findings,
    ],
    skipped: checked.skipped,
    repaired: [
      ...checked.repaired.objects.map((name) => `schema: ${name} made again`),
      ...(checked.repaired.rollups ? ['rollups: counted anew'] : []),
      ...repaired.map((file) => `file-modes: ${file} is its owner's only`),
    ],
    versions: {
      pylon_db: versionOf('pylon-db'),
      node: process.versions.node,
      better_sqlite3: versionOf('better-sqlite3'),
    },
    database: checked.database,
    sizes: sizesOf(path, checked.database),
    openers: await otherOpeners(path),
    last_backup: backups.last,
    last_restore: readRecord(path) ?? null,
    duration_ms: Math.round(performance.now() - start),
  };
}

/** The version of a package that is installed here. */
export function versionOf(name: string): string {
  return createRequire(import.meta.url)(`${name}/package.json`).version;
}

function sizesOf(path: string, database: DatabaseFacts | null): Sizes {
  const { bavail, bsize } = statfsSync(dirname(path));
  return {
    file_bytes: sizeOf(path),
    wal_bytes: sizeOf(`${path}-wal`),
    free_bytes: database === null ? null : database.freelist_count * database.page_size,
    disk_free_bytes: bavail * bsize,
  };
}
