import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { PylonDbError } from '../../errors.js';
import type { QueryValue } from './read-statement.js';

/** `TIMEOUT` of a query. */
export function queryTimeout(timeoutMs: number): PylonDbError<'TIMEOUT'> {
  return new PylonDbError(
    'TIMEOUT',
    `the query was ended after ${timeoutMs / 1000} s`,
    { timeoutMs },
    { hint: 'Look at its plan with --explain, narrow it, or raise --timeout.' },
  );
}

/** Bytes that a number or NULL counts for. */
const SCALAR_BYTES = 8;

/** How much of a result's bytes a row takes: of its values, not of their text. */
export function rowSize(row: readonly QueryValue[]): number {
  return row.reduce<number>((sum, value) => {
    if (typeof value === 'string') return sum + value.length;
    return sum + (value instanceof Uint8Array ? value.byteLength : SCALAR_BYTES);
  }, 0);
}

/** Lies next to this module, in the sources and in the package. */
const PROGRAM = './watchdog-thread.js';

/**
 * Runs `work` and kills this process if it takes longer than `timeoutMs`, or when whoever started
 * the process is gone, even while `work` blocks. A thread watches: the one that runs SQLite answers
 * nobody until SQLite returns.
 */
export async function killedAfter<Result>(
  timeoutMs: number,
  work: () => Promise<Result>,
): Promise<Result> {
  const watchdog = new Worker(new URL(PROGRAM, import.meta.url), { workerData: timeoutMs });
  await once(watchdog, 'message');
  try {
    return await work();
  } finally {
    await watchdog.terminate();
  }
}
