import { shownUrl } from '../../database-url.js';
import { timedLock } from '../../engine/postgres/failures.js';
import { connectTo } from '../../engine/postgres/open.js';
import type { SessionPool } from '../../engine/postgres/pool.js';
import { cannotOpen } from '../../engine/postgres/postgres-errors.js';
import { DEFAULT_BUSY_TIMEOUT_MS } from '../../options.js';

/**
 * Runs `run` with connections to the server at `url`; with `read` they refuse to write, and with `ask`
 * they also leave out rows that policies hide. Throws what opening throws, and what the server says as
 * a `PylonDbError` that names no API call.
 */
export async function withServer<Result>(
  url: string,
  access: 'read' | 'ask' | 'write',
  run: (pool: SessionPool, address: string) => Promise<Result>,
): Promise<Result> {
  const pool = await connectTo({
    url,
    readonly: access !== 'write',
    seesAllRows: access !== 'ask',
    busyTimeoutMs: DEFAULT_BUSY_TIMEOUT_MS,
    onQuery: undefined,
  });
  const address = shownUrl(url);
  const start = performance.now();
  try {
    return await run(pool, address);
  } catch (error) {
    await pool.nameMissingRight(error, access === 'write' ? 'insert' : 'select');
    throw cannotOpen(timedLock(error, start), '', address);
  } finally {
    await pool.end();
  }
}
