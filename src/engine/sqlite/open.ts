import type Database from 'better-sqlite3';
import type { Durability } from '../engine.js';
import { retryWhileBusy } from './busy.js';
import { connect, createIfMissing } from './database-file.js';
import { applyConnectionPragmas, applyWriterPragmas, turnOnWal } from './pragmas.js';
import { toldToCaller } from './sqlite-errors.js';

/** How a connection is opened. */
export interface ConnectProps {
  /** Absolute, or `:memory:`. */
  readonly path: string;
  readonly durability: Durability;
  readonly busyTimeoutMs: number;
  readonly operation: string;
}

/**
 * Opens the connection that writes, creating the file when it is missing. Nothing of an existing
 * file changes until {@link startWal}, so that its schema can be looked at first.
 */
export async function openWriter(props: ConnectProps): Promise<Database.Database> {
  const { path, operation } = props;
  if (path !== IN_MEMORY) createIfMissing(path, operation);
  return await configured(connect(path, false, operation), props, (db) => {
    applyConnectionPragmas(db, props.durability);
    applyWriterPragmas(db);
  });
}

/** Opens a connection that can't change the file. Throws `CANNOT_OPEN` when there is none. */
export async function openReader(props: ConnectProps): Promise<Database.Database> {
  return await configured(connect(props.path, true, props.operation), props, (db) =>
    applyConnectionPragmas(db, props.durability),
  );
}

/** Puts the file in WAL mode, as published. */
export async function startWal(db: Database.Database, props: ConnectProps): Promise<void> {
  if (props.path === IN_MEMORY) return;
  await unlessBusy(props, () => turnOnWal(db));
}

/** SQLite's name for a database of its own in memory. */
export const IN_MEMORY = ':memory:';

async function configured(
  db: Database.Database,
  props: ConnectProps,
  configure: (db: Database.Database) => void,
): Promise<Database.Database> {
  try {
    await unlessBusy(props, () => {
      configure(db);
      // The first read: a file that is no database, or that can't be read, shows here.
      db.prepare('select count(*) from sqlite_master').get();
    });
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

async function unlessBusy(props: ConnectProps, attempt: () => void): Promise<void> {
  try {
    await retryWhileBusy(attempt, props.busyTimeoutMs);
  } catch (error) {
    throw toldToCaller(error, props.operation, props.path);
  }
}
