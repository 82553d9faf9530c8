import type Database from 'better-sqlite3';
import { retryWhileBusy } from '../engine/sqlite/busy.js';
import { committing } from '../engine/sqlite/failed-commit.js';
import { openWriter } from '../engine/sqlite/open.js';
import { toPylonDbError } from '../engine/sqlite/sqlite-errors.js';
import { findOwnObjects, type OwnObjectsFound, repairOwnObjects } from './own-objects.js';

/** Which file, and whose objects. */
export interface RepairProps {
  readonly path: string;
  /** The names of the migrations that this pylon-db knows. */
  readonly known: readonly string[];
  readonly busyTimeoutMs: number;
  readonly operation?: string | undefined;
}

/**
 * Makes our own objects again where they are missing or changed, and counts the totals anew, in one
 * transaction; a file that is as it should be is only read. Throws `BUSY` and whatever else keeps
 * it from being written, changing nothing, and `SCHEMA_MISMATCH` for a newer pylon-db's file.
 */
export async function repairOwnSchema(
  db: Database.Database,
  { path, known, busyTimeoutMs, operation }: RepairProps,
): Promise<OwnObjectsFound> {
  const find = () => findOwnObjects(db, known, operation);
  // Compared again under the lock: another process may have repaired it, or migrated the file.
  const repair = db.transaction(() => repairOwnObjects(db, find().broken));
  try {
    const found = await retryWhileBusy(find, busyTimeoutMs);
    if (found.broken.length === 0) return found;
    await retryWhileBusy(() => committing(db, () => repair.immediate()), busyTimeoutMs);
    return await retryWhileBusy(find, busyTimeoutMs);
  } catch (error) {
    throw toPylonDbError(error, path, operation);
  }
}

/** The same as the task of a child, with a connection of its own; writers wait meanwhile. */
export async function repairSchema(input: RepairProps): Promise<void> {
  const db = await openWriter({ ...input, durability: 'normal', create: false });
  try {
    await repairOwnSchema(db, input);
  } finally {
    db.close();
  }
}

export type RepairTask = { readonly name: 'schema repair'; readonly task: typeof repairSchema };
