import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { SIDECARS } from '../engine/sqlite/sidecars.js';
import { PylonDbError } from '../errors.js';
import { manifestPath } from './manifest.js';

/**
 * Throws `INVALID_ARGUMENT` when a backup at `path`, or its manifest, would replace the database
 * `source` or one of its sidecars, by whatever name, or would be taken for half of another database.
 */
export function assertNotLive(path: string, source: string, operation = ''): void {
  const live = [source, canonical(source)].flatMap((base) => [
    base,
    ...SIDECARS.map((suffix) => base + suffix),
  ]);
  const identities = new Set(live.map(identityOf).filter((identity) => identity !== undefined));
  const names = new Set(live.map(comparable));
  for (const written of [path, manifestPath(path)]) {
    if (names.has(comparable(written)) || identities.has(identityOf(written) ?? '')) {
      throw refused(operation, `${written} belongs to the database itself`);
    }
  }
  for (const suffix of SIDECARS) {
    if (identityOf(path + suffix) === undefined) continue;
    // SQLite would play it back into the backup.
    throw refused(operation, `${path}${suffix} is there, of another database`);
  }
}

/** An absolute path without links; as it is where nothing stands yet. */
export function canonical(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** Names that a file system which ignores case can't tell apart are the same. */
function comparable(path: string): string {
  return join(canonical(dirname(path)), basename(path)).toLowerCase();
}

/** Device and inode, which are the same under every name of a file; `undefined` for what can't be seen. */
export function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

function refused(operation: string, problem: string): PylonDbError {
  return new PylonDbError(
    'INVALID_ARGUMENT',
    problem,
    { field: 'destination' },
    { operation, hint: 'Give another name for the backup.' },
  );
}
