import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** Lies beside this module, in the sources and in the package. */
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
