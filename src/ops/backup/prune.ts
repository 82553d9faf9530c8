import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { PylonDbError } from '../../errors.js';
import type { Backup } from './backup.js';
import { listBackups } from './list.js';
import { manifestPath } from './manifest.js';

/**
 * Removes the oldest backups beside a finished one until `keep` of its database are left, itself
 * among them, and gives their paths. Throws `CANNOT_OPEN` for one that can't be removed. Files without our manifest, of another database, or of another size than their
 * manifest says are neither counted nor touched.
 */
export function pruneBackups(made: Backup, keep: number, operation = ''): string[] {
  const others = listBackups(dirname(made.path), operation).filter(
    ({ path, state, manifest }) =>
      // Never the new one, whatever the clock said when the others were made.
      state === 'complete' && manifest?.source === made.manifest.source && path !== made.path,
  );
  const removed = others.slice(keep - 1).map(({ path }) => path);
  for (const path of removed) remove(path, made.path, operation);
  return removed;
}

function remove(path: string, made: string, operation: string): void {
  try {
    // A manifest alone names nothing; a database alone would be somebody's file to keep.
    rmSync(path, { force: true });
    rmSync(manifestPath(path), { force: true });
  } catch (cause) {
    throw new PylonDbError(
      'CANNOT_OPEN',
      `${path} can't be removed`,
      { path },
      { operation, cause, hint: `The new backup stands: ${made}. Remove the old one yourself.` },
    );
  }
}
