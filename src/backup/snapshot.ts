import { truncateSync } from 'node:fs';
import { dirname } from 'node:path';
import type Database from 'better-sqlite3';
import { connect } from '../engine/sqlite/database-file.js';
import { toPylonDbError } from '../engine/sqlite/sqlite-errors.js';
import { PylonDbError } from '../errors.js';
import { hashFile, readFacts } from './database-facts.js';
import { fileProblem } from './file-problem.js';
import type { BackupFacts } from './manifest.js';
import type { Progress } from './progress.js';
import { lookTwice, NotWhole } from './second-look.js';

/** How long the copy waits for a lock, in ms. Here nobody else waits with it. */
const BUSY_TIMEOUT_MS = 10_000;

export interface SnapshotInput {
  /** The live database; missing when the copy is made already. */
  readonly source: string | undefined;
  /** An empty file that gets the copy, or the copy. */
  readonly into: string;
}

/**
 * Copies the committed state of a database, while others write, into a compact file, and looks
 * through that. Throws `DISK_FULL`, `CORRUPT`, and what opening the database throws.
 */
export async function snapshot(
  { source, into }: SnapshotInput,
  report: (progress: Progress) => void,
): Promise<BackupFacts> {
  try {
    if (source !== undefined) {
      await lookTwice([source, into], () => vacuumInto(source, into, report));
    }
    const { found: facts } = await lookTwice([into], () => readFacts(into, report));
    return { ...(await hashFile(into, report)), ...facts };
  } catch (error) {
    throw snapshotError(error, source ?? into, into);
  }
}

export type BackupTask = { readonly name: 'backup'; readonly task: typeof snapshot };

function vacuumInto(source: string, into: string, report: (progress: Progress) => void): void {
  // Of a first attempt. SQLite would create a missing one for everybody; it is missing when this run
  // was given up.
  truncateSync(into);
  const db = connect(source, true);
  try {
    db.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
    report({ step: 'copying', done: 0, total: bytesInUse(db), unit: 'bytes' });
    db.prepare('vacuum into ?').run(into);
  } finally {
    db.close();
  }
}

function bytesInUse(db: Database.Database): number {
  const pragma = (name: string) => Number(db.pragma(name, { simple: true }));
  return (pragma('page_count') - pragma('freelist_count')) * pragma('page_size');
}

function snapshotError(error: unknown, source: string, into: string): unknown {
  if (error instanceof NotWhole) {
    return new PylonDbError(
      'CORRUPT',
      `${source} is damaged: ${error.message}`,
      {},
      {
        hint: 'No backup was made. Stop writing to it, and restore the latest one.',
      },
    );
  }
  // Of the copy: SQLite alone opens the source.
  return toPylonDbError(fileProblem(error, dirname(into)), source);
}
