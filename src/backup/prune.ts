import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { PylonDbError } from '../errors.js';
import type { Backup } from './backup.js';
import { type ListedBackup, listBackups } from './list.js';
import { manifestPath } from './manifest.js';
import { type FormerPlace, ownerOf } from './whose.js';

/** How older backups are removed. */
export interface PruneProps {
  /** How many are left, the new one among them. */
  readonly keep: number;
  /** Where the database was before: backups from there count as well. */
  readonly former: readonly FormerPlace[];
}

/** The paths of what was removed, and of what was kept because nobody knows whose it is. */
export interface Pruned {
  readonly removed: readonly string[];
  /** It may be another database's. */
  readonly unsure: readonly string[];
  /** This user may not read what it says. */
  readonly unreadable: readonly string[];
}

/**
 * Removes the oldest backups next to a finished one until `keep` of its database are left; those
 * with a time from the future go first. Neither counts nor touches what isn't surely of the same
 * database, and files without our manifest, or of another size than it says. Throws `CANNOT_OPEN`
 * for one that can't be removed.
 */
export function pruneBackups(made: Backup, { keep, former }: PruneProps, operation = ''): Pruned {
  const { identity = null, host = '', source, created_at } = made.manifest;
  const database = { identity, host, path: source };
  const all = listBackups(dirname(made.path), created_at, operation);
  const others = all
    // Never the new one, whatever the clock said when the others were made.
    .filter(({ path, state }) => state === 'complete' && path !== made.path)
    .map((backup) => ({ ...backup, owner: ownerOf(backup.manifest, database, former) }));
  const removed = others.filter(({ owner }) => owner === 'own').slice(keep - 1);
  for (const { path } of removed) remove(path, made.path, operation);
  const unsure = others.filter(({ owner }) => owner === 'unsure');
  const unreadable = all.filter(({ state }) => state === 'unreadable');
  const pathsOf = (backups: readonly ListedBackup[]) => backups.map(({ path }) => path);
  return { removed: pathsOf(removed), unsure: pathsOf(unsure), unreadable: pathsOf(unreadable) };
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
