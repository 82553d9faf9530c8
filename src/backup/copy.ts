import { statSync } from 'node:fs';
import type { CopyableDatabase } from '../engine/engine.js';
import type { BackupOptions } from './backup-options.js';
import { LIBRARY_CHILD, runInChild } from './child.js';
import type { BackupFacts } from './manifest.js';
import type { OnProgress, Progress } from './progress.js';
import type { BackupTask } from './snapshot.js';

/** What is backed up. */
export interface BackupSource extends CopyableDatabase {
  /** A copy that is read in the place of a file that can't be opened where it is. */
  readonly readFrom?: string;
  /** Unix seconds. */
  readonly now: number;
}

/** What the caller's own `onProgress` threw: it goes on as it is. */
export class ListenerFailure {
  constructor(readonly thrown: unknown) {}
}

/** How often the growing file is looked at, in ms. */
const LOOK_MS = 100;

/**
 * Copies and verifies, in a process of its own; in memory the copy itself is made in this one.
 * Throws {@link ListenerFailure} for what `onProgress` threw, and what the task throws.
 */
export async function copy(
  source: BackupSource,
  partial: string,
  { onProgress = () => {}, signal }: BackupOptions,
  operation: string,
): Promise<BackupFacts> {
  await source.copyInto?.(partial);
  const watch = new Watch(onProgress, signal);
  let looking: NodeJS.Timeout | undefined;
  try {
    const facts = await runInChild<BackupTask>(
      LIBRARY_CHILD,
      'backup',
      { source: source.copyInto === undefined ? placeOf(source) : undefined, into: partial },
      {
        operation,
        signal: watch.signal,
        onReport: (progress) => {
          clearInterval(looking);
          watch.report(progress);
          if (progress.step === 'copying') looking = lookAtGrowth(partial, progress, watch.report);
        },
      },
    );
    // What it threw at the last report came too late to stop the child.
    if (watch.failure !== undefined) throw watch.failure;
    return facts;
  } catch (error) {
    throw watch.failure ?? error;
  } finally {
    clearInterval(looking);
  }
}

/** Bytes that a backup has at most; `undefined` of a database in memory. */
export function largest(source: BackupSource): number | undefined {
  if (source.copyInto !== undefined) return undefined;
  const path = placeOf(source);
  return sizeOf(path) + sizeOf(`${path}-wal`);
}

function placeOf({ readFrom, path }: BackupSource): string {
  return readFrom ?? path;
}

/** The child is silent while SQLite copies, so the growing file is looked at from here. */
function lookAtGrowth(partial: string, from: Progress, report: OnProgress): NodeJS.Timeout {
  return setInterval(() => report({ ...from, done: sizeOf(partial) }), LOOK_MS);
}

/** A listener that may throw: then the child is stopped, and its end awaited, before the error goes on. */
class Watch {
  readonly signal: AbortSignal;
  failure: ListenerFailure | undefined;
  readonly #onProgress: OnProgress;
  readonly #stop = new AbortController();

  constructor(onProgress: OnProgress, signal: AbortSignal | undefined) {
    this.#onProgress = onProgress;
    this.signal =
      signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]);
  }

  readonly report: OnProgress = (progress) => {
    if (this.signal.aborted) return;
    try {
      this.#onProgress(progress);
    } catch (error) {
      this.failure = new ListenerFailure(error);
      this.#stop.abort();
    }
  };
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
