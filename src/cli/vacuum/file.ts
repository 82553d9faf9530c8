import { realpathSync } from 'node:fs';
import { runInChild } from '../../backup/child.js';
import type { OnProgress, Progress } from '../../backup/progress.js';
import { isPylonDbError, PylonDbError } from '../../errors.js';
import { COMMAND_CHILD } from '../shell/child.js';
import { named, otherOpeners } from '../shell/openers.js';
import { vacuumedBytes } from './disk-space.js';
import type { VacuumReport, VacuumSizes, VacuumTask } from './task.js';

/** What {@link runVacuum} did. */
export interface Vacuum extends VacuumSizes {
  /** The absolute path of the file itself. */
  readonly path: string;
  /** File and WAL; below 0 when there was nothing to free: the statistics take a page. */
  readonly freed_bytes: number;
  readonly duration_ms: number;
}

/** How a vacuum waits, is watched and stopped. */
interface VacuumOptions {
  /** How long each step waits for other processes, in ms. */
  readonly busyTimeoutMs: number;
  readonly onProgress: OnProgress;
  readonly signal?: AbortSignal;
}

/** How often the size of what was written is looked at, in ms. */
const LOOK_MS = 50;

/**
 * Packs the file in a process of its own: rows, permissions, journal mode and inode stay. Next to
 * others it waits for its turn, and their writes wait for it. Throws `BUSY` naming the processes that
 * have the file open, `DISK_FULL` before anything changed, `ABORTED` when `signal` fired; whatever
 * happens, the file is whole.
 */
export async function runVacuum(
  givenPath: string,
  { busyTimeoutMs, onProgress, signal }: VacuumOptions,
): Promise<Vacuum> {
  const path = realpathSync(givenPath);
  const start = performance.now();
  const unwatched = new AbortController();
  const watch = new Watch(path, onProgress, (error) => unwatched.abort(error));
  const signals = [unwatched.signal, ...(signal === undefined ? [] : [signal])];
  try {
    const sizes = await runInChild<VacuumTask>(
      COMMAND_CHILD,
      'vacuum',
      { path, busyTimeoutMs },
      {
        signal: AbortSignal.any(signals),
        onReport: (report) => watch.begin(report),
      },
    );
    const { before, after } = sizes;
    return {
      path,
      ...sizes,
      freed_bytes: before.file_bytes + before.wal_bytes - after.file_bytes - after.wal_bytes,
      duration_ms: Math.round(performance.now() - start),
    };
  } catch (error) {
    unwatched.signal.throwIfAborted();
    if (isPylonDbError(error, 'BUSY')) throw await busy(path, error.waitedMs);
    throw error;
  } finally {
    watch.end();
  }
}

/** Reports how far the running step is; what `onProgress` throws goes to `onError`. */
class Watch {
  readonly #path: string;
  readonly #onProgress: OnProgress;
  readonly #onError: (error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string, onProgress: OnProgress, onError: (error: unknown) => void) {
    this.#path = path;
    this.#onProgress = onProgress;
    this.#onError = onError;
  }

  begin({ step, pid, workBytes }: VacuumReport): void {
    this.end();
    if (step !== 'vacuuming') {
      this.#report({ step, done: 0, total: 1, unit: 'steps' });
      return;
    }
    this.#report({ step, done: 0, total: workBytes, unit: 'bytes' });
    this.#timer = setInterval(() => {
      const done = Math.min(vacuumedBytes(pid, this.#path), workBytes);
      this.#report({ step, done, total: workBytes, unit: 'bytes' });
    }, LOOK_MS);
  }

  #report(progress: Progress): void {
    try {
      this.#onProgress(progress);
    } catch (error) {
      this.#onError(error);
    }
  }

  end(): void {
    clearInterval(this.#timer);
  }
}

async function busy(path: string, waitedMs: number): Promise<PylonDbError<'BUSY'>> {
  return new PylonDbError(
    'BUSY',
    `others were reading or writing for ${(waitedMs / 1000).toFixed(1)} s: ${named(await otherOpeners(path))}`,
    { waitedMs },
    { hint: 'No row was changed. Let them finish, or wait longer with --wait.' },
  );
}
