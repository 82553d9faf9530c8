import type Database from 'better-sqlite3';
import type { Progress } from '../../backup/progress.js';
import { inUse } from './in-use.js';
import { takeSafetyCopy } from './safety-copy.js';

/** Pages that are copied between two looks at the clock and the parent. */
const PAGES_PER_STEP = 2000;

export interface CopyProps {
  readonly source: Database.Database;
  /** The database that is overwritten, in place: its inode and its mode stay. */
  readonly path: string;
  /** Where the old one is kept; `undefined` when there is none. */
  readonly safetyCopy: string | undefined;
  readonly report: (progress: Progress) => void;
}

/**
 * Copies a database over another one in a single transaction of SQLite's backup API. The first step
 * copies no page, but takes the exclusive lock, which is kept to the end: under it the safety copy
 * is made, so nothing can be written in between. Gives its SHA-256. Throws `IN_USE` when the lock is
 * taken.
 */
export async function copyInto(props: CopyProps): Promise<string | undefined> {
  const { source, path, safetyCopy, report } = props;
  const pageBytes = Number(source.pragma('page_size', { simple: true }));
  let isLocked = false;
  let sha256: string | undefined;
  await source.backup(path, {
    progress({ totalPages, remainingPages }) {
      if (!isLocked && safetyCopy !== undefined) sha256 = takeSafetyCopy(path, safetyCopy, report);
      isLocked = true;
      const done = (totalPages - remainingPages) * pageBytes;
      report({ step: 'copying', done, total: totalPages * pageBytes, unit: 'bytes' });
      return PAGES_PER_STEP;
    },
  });
  // Without the lock the driver sees nothing to copy, and says that it is done.
  if (!isLocked) throw await inUse(path);
  return sha256;
}
