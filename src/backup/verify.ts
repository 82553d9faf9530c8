import { existsSync, type Stats, statSync } from 'node:fs';
import { PylonDbError } from '../errors.js';
import { LIBRARY_CHILD, runInChild } from './child.js';
import { fileProblem } from './file-problem.js';
import { type BackupManifest, invalidBackup, manifestPath, readManifest } from './manifest.js';
import type { OnProgress } from './progress.js';
import { removeUnusedCopies } from './untouched.js';
import type { VerifyTask } from './verify-file.js';

/** How a backup is verified. */
export interface VerifyOptions {
  /** The call that failed, in errors. */
  readonly operation?: string | undefined;
  readonly onProgress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Also accept a file that has no manifest, as `sqlite3 .backup` makes them. Default false. */
  readonly withoutManifest?: boolean;
}

/**
 * Reads a backup whole in a process of its own, compares it with its manifest, and gives that (for
 * a file without one what it would say, with an empty `source` and `pylon_db`, and the file's time).
 * Throws `BACKUP_INVALID` naming what is wrong, `CANNOT_OPEN` without a file, `ABORTED`. Changes
 * nothing.
 */
export async function verifyBackup(
  path: string,
  { operation = '', onProgress, signal, withoutManifest = false }: VerifyOptions,
): Promise<BackupManifest> {
  const { size, mtimeMs } = fileAt(path, operation);
  const manifest = readManifest(path, operation);
  if (manifest === undefined && !withoutManifest) {
    throw withoutItsManifest(path, operation);
  }
  // Known at once, where reading the whole file takes its time.
  if (manifest !== undefined && manifest.size_bytes !== size) {
    throw invalidBackup(
      operation,
      `${path} has ${size} bytes, its manifest says ${manifest.size_bytes}`,
    );
  }
  const facts = await runInChild<VerifyTask>(
    LIBRARY_CHILD,
    'backup verify',
    { path, expected: manifest },
    { operation, signal, ...(onProgress === undefined ? {} : { onReport: onProgress }) },
  ).catch((error: unknown) => {
    // Stopped at once, the child removed nothing.
    removeUnusedCopies();
    throw error;
  });
  const created_at = Math.floor(mtimeMs / 1000);
  return manifest ?? { format: 1, pylon_db: '', created_at, source: '', ...facts };
}

function withoutItsManifest(path: string, operation: string): PylonDbError {
  const backup = path.replace(/\.json$/, '');
  if (backup !== path && existsSync(backup)) {
    return invalidBackup(operation, `${path} is a manifest`, { hint: `Give ${backup}.` });
  }
  return invalidBackup(operation, `${path} has no manifest: there is no ${manifestPath(path)}`, {
    hint: 'Copy a backup together with its .json. `restore --force` takes a file without one, such as a copy by `sqlite3 .backup`.',
  });
}

function fileAt(path: string, operation: string): { size: number; mtimeMs: number } {
  const found = lookAt(path, operation);
  if (found?.isFile()) return found;
  throw new PylonDbError(
    'CANNOT_OPEN',
    found === undefined ? `there is no file ${path}` : `${path} is not a file`,
    { path },
    { operation, hint: 'Give the path of a backup; `pylon-db backup list` shows them.' },
  );
}

function lookAt(path: string, operation: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw fileProblem(error, path, operation);
  }
}
