import { statSync } from 'node:fs';
import { badPath } from './bad-path.js';

/** Throws `INVALID_ARGUMENT` when the backup is the database itself or one of its sidecars. */
export function assertAnother(path: string, backup: string): void {
  const identity = identityOf(backup);
  for (const own of [path, `${path}-wal`, `${path}-shm`, `${path}-journal`]) {
    if (own === backup || (identity !== undefined && identity === identityOf(own))) {
      throw badPath(`${backup} belongs to the database itself`, 'Give the path of a backup.');
    }
  }
}

function identityOf(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  return found === undefined ? undefined : `${found.dev}:${found.ino}`;
}
