import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { fileProblem } from '../../backup/file-problem.js';
import { createExclusively, discard, partialPath } from '../../backup/partial-files.js';

/** Where a restore keeps what stood at the place before. */
export interface Kept {
  /** A whole database as it was. */
  readonly safety_copy?: string | undefined;
  /** A damaged one and its sidecars. */
  readonly moved_aside?: readonly string[] | undefined;
}

/** What was restored last: after a crash it shows which restore was going on. */
export interface RestoreRecord extends Kept {
  readonly backup: string;
  /** Unix seconds. */
  readonly started_at: number;
  /** `restored`, `interrupted` (it never came to its end), or the code of the error. */
  readonly outcome: string;
  readonly duration_ms?: number | undefined;
}

/** Where the record of a database's last restore stands. */
export function recordPath(database: string): string {
  return `${database}.restore.json`;
}

/** The record of the last restore; `undefined` when there was none, or nobody can read it. */
export function readRecord(database: string): RestoreRecord | undefined {
  try {
    const record: RestoreRecord = JSON.parse(readFileSync(recordPath(database), 'utf8'));
    return typeof record?.backup === 'string' && Number.isInteger(record.started_at)
      ? record
      : undefined;
  } catch {
    // It only informs.
    return undefined;
  }
}

/** Replaces the record, whole. Throws `DISK_FULL`, `CANNOT_OPEN`. */
export function writeRecord(database: string, record: RestoreRecord): void {
  const path = recordPath(database);
  const partial = partialPath(dirname(path), basename(path));
  try {
    createExclusively(partial);
    writeFileSync(partial, `${JSON.stringify(record, null, 2)}\n`, { flush: true });
    renameSync(partial, path);
  } catch (error) {
    throw fileProblem(error, path);
  } finally {
    discard(partial);
  }
}
