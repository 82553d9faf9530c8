import type { ListedBackup } from './list.js';
import type { BackupManifest } from './manifest.js';

/** What distinguishes one database from another: copies of a file share its identity. */
export interface DatabaseName {
  /** `null` when it can't be read, or the file is older than identities. */
  readonly identity: string | null;
  readonly host: string;
  /** Absolute, without links. */
  readonly path: string;
}

/** Where a database was before: on this host, or on another one that is named. */
export interface FormerPlace {
  readonly host: string | undefined;
  readonly path: string;
}

/** Whose a backup is, as far as its manifest says. */
export type Ownership = 'own' | 'unsure' | 'another';

/**
 * Whether a backup is of `database`: its identity and its place must be the same, or a former place
 * that the caller named. `unsure` is one of the same identity from elsewhere, and one from the same
 * path without an identity to compare.
 */
export function ownerOf(
  manifest: BackupManifest | null,
  database: DatabaseName,
  former: readonly FormerPlace[] = [],
): Ownership {
  if (manifest === null) return 'another';
  const { identity = null, host, source } = manifest;
  if (identity === null || database.identity === null) {
    return source === database.path ? 'unsure' : 'another';
  }
  if (identity !== database.identity) return 'another';
  const isHere = host === database.host && source === database.path;
  const wasHere = former.some(
    (place) => (place.host ?? database.host) === host && place.path === source,
  );
  return isHere || wasHere ? 'own' : 'unsure';
}

/** The newest whole backup of `database`; of one that can't be asked, the newest from its place. */
export function newestOf(
  backups: readonly ListedBackup[],
  database: DatabaseName,
): ListedBackup | undefined {
  return backups.find(({ state, manifest }) => {
    if (state !== 'complete') return false;
    if (database.identity !== null) return ownerOf(manifest, database) === 'own';
    return manifest?.host === database.host && manifest.source === database.path;
  });
}
