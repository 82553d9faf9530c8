import type Database from 'better-sqlite3';
import { IN_MEMORY } from './engine/sqlite/open.js';
import type { WatchProps } from './engine/sqlite/schema-watch.js';
import { isPylonDbError } from './errors.js';
import { findOwnObjects } from './migrate/own-objects.js';
import { OwnSchemaKeeper } from './migrate/own-schema-keeper.js';
import { type RepairProps, type RepairTask, repairOwnSchema } from './migrate/own-schema-repair.js';

/** How the schema of an open file is kept. */
export interface KeepProps extends RepairProps {
  /** False for a file that is only read, or not to be migrated: then totals are counted from rows. */
  readonly repairs: boolean;
}

/**
 * Compares our own objects with what our migrations make, and repairs them. Where others keep the
 * file locked, or the disk is full, that is left for later, and totals are counted from the rows.
 */
export async function keepSchema(db: Database.Database, props: KeepProps): Promise<WatchProps> {
  const { path, known, operation, repairs } = props;
  const find = () => findOwnObjects(db, known, operation);
  if (!repairs) return { keeper: new OwnSchemaKeeper({ known }), state: find() };
  const repair =
    path === IN_MEMORY ? 'here' : (signal: AbortSignal) => repairInChild(props, signal);
  const keeper = new OwnSchemaKeeper({ known, repair });
  try {
    return { keeper, state: await repairOwnSchema(db, props) };
  } catch (error) {
    if (!isPylonDbError(error, 'BUSY') && !isPylonDbError(error, 'DISK_FULL')) throw error;
    return { keeper, state: find() };
  }
}

/** Counting many rows takes long: it must not stop this process meanwhile. */
async function repairInChild(
  { path, known, busyTimeoutMs }: KeepProps,
  signal: AbortSignal,
): Promise<void> {
  const { isInstalled, LIBRARY_CHILD, runInChild } = await import('./backup/child.js');
  if (!isInstalled(LIBRARY_CHILD)) {
    throw new Error("the package's file library-child.js is not installed");
  }
  const input = { path, known, busyTimeoutMs };
  await runInChild<RepairTask>(LIBRARY_CHILD, 'schema repair', input, { signal });
}
