import { runInChild } from '../../backup/child.js';
import { isPylonDbError } from '../../errors.js';
import { COMMAND_CHILD } from '../shell/child.js';
import { queryTimeout } from './limits.js';
import type { QueryEnd, QueryInput, QueryReport, QueryTask } from './task.js';

/**
 * Runs one SELECT, WITH or VALUES in a process of its own and reports its columns and rows. Throws
 * `INVALID_ARGUMENT` for anything else, `TIMEOUT` when it took longer than `timeoutMs` (waiting for
 * `onReport` not counted), and `ABORTED` when `signal` fired.
 */
export async function runQuery(
  input: QueryInput,
  { onReport, signal }: { onReport: (report: QueryReport) => void; signal?: AbortSignal },
): Promise<QueryEnd> {
  const start = performance.now();
  try {
    return await runInChild<QueryTask>(COMMAND_CHILD, 'query', input, { onReport, signal });
  } catch (error) {
    const ended = isPylonDbError(error, 'ABORTED') && signal?.aborted !== true;
    // The child's watchdog killed it.
    if (ended && performance.now() - start >= input.timeoutMs) throw queryTimeout(input.timeoutMs);
    throw error;
  }
}
