import { shownUrl } from '../../database-url.js';
import { timedLock } from '../../engine/postgres/failures.js';
import { connectTo } from '../../engine/postgres/open.js';
import type { SessionPool } from '../../engine/postgres/pool.js';
import { cannotOpen } from '../../engine/postgres/postgres-errors.js';
import type { Session } from '../../engine/postgres/session.js';
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

/** Writes text and bytes in one form, by which questions are read and answered. */
export const QUESTION_SETTINGS = ['standard_conforming_strings = on', 'bytea_output = hex'];

/**
 * Begins a transaction that sees one state of the server and can't write. Should this process die, the
 * server ends it after `timeoutMs`; 0 is for never.
 */
export async function beginSnapshot(
  session: Session,
  timeoutMs: number,
  settings: readonly string[] = [],
): Promise<void> {
  await session.texts('begin transaction isolation level repeatable read read only', []);
  for (const setting of [
    `statement_timeout = ${timeoutMs}`,
    `idle_in_transaction_session_timeout = ${timeoutMs}`,
    ...settings,
  ]) {
    await session.texts(`set local ${setting}`, []);
  }
}
