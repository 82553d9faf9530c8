import type Database from 'better-sqlite3';
import { openReader } from '../../engine/sqlite/open.js';
import { toPylonDbError, toQueryError } from '../../engine/sqlite/sqlite-errors.js';
import { DEFAULT_BUSY_TIMEOUT_MS } from '../../options.js';

/** Page cache in KiB: an export reads each page once, and memory is not to grow with the file. */
const CACHE_KIB = 8192;

/**
 * Runs `work` on a connection that only reads and sees one committed state of the file, whatever
 * others write meanwhile. Throws what opening and reading throw; what doesn't fit is the file's fault,
 * unless the SQL is `theirs`, who asked for it.
 */
export async function withSnapshot<Result>(
  path: string,
  work: (db: Database.Database) => Promise<Result>,
  sqlIs: 'ours' | 'theirs' = 'ours',
): Promise<Result> {
  try {
    const db = await openReader({
      path,
      durability: 'normal',
      busyTimeoutMs: DEFAULT_BUSY_TIMEOUT_MS,
    });
    try {
      db.pragma('query_only = 1');
      db.pragma(`cache_size = -${CACHE_KIB}`);
      // What a query sorts goes to a file: it may be larger than memory.
      db.pragma('temp_store = 1');
      db.exec('begin; select 1 from sqlite_master');
      return await work(db);
    } finally {
      db.close();
    }
  } catch (error) {
    throw sqlIs === 'theirs' ? toQueryError(error, path) : toPylonDbError(error, path);
  }
}
