import type Database from 'better-sqlite3';
import { isPylonDbError } from '../../errors.js';
import type { Durability, QueryEvent } from '../engine.js';
import { retryWhileBusy } from './busy.js';
import {
  connect,
  createIfMissing,
  refuseMissing,
  refuseOtherNames,
  refuseReadOnly,
} from './database-file.js';
import type { FilePlace } from './file-place.js';
import { applyConnectionPragmas, applyWriterPragmas, turnOnWal } from './pragmas.js';
import type { WatchProps } from './schema-watch.js';
import { toPylonDbError } from './sqlite-errors.js';

/** How a connection is opened. */
export interface ConnectProps {
  /** Absolute, or `:memory:`. */
  readonly path: string;
  readonly durability: Durability;
  readonly busyTimeoutMs: number;
  readonly operation?: string | undefined;
  /** False throws `CANNOT_OPEN` where there is no file. Default true. */
  readonly create?: boolean;
}

/** The open connections and settings that an engine takes over. */
export interface SqliteEngineProps {
  readonly path: string;
  /** Missing when the database is open for reading only. */
  readonly writer: Database.Database | undefined;
  /** Missing in memory: there the writer reads, in the queue's order. */
  readonly reader: Database.Database | undefined;
  /** What the schema is, and what keeps it so. */
  readonly schema: WatchProps;
  /** Missing in memory. */
  readonly place: FilePlace | undefined;
  readonly busyTimeoutMs: number;
  readonly onQuery: ((event: QueryEvent) => void) | undefined;
}

/**
 * Opens the connection that writes, creating a missing file unless `create` is false. Nothing of an existing
 * file changes until {@link startWal}, so that its schema can be looked at first.
 */
export async function openWriter(props: ConnectProps): Promise<Database.Database> {
  const { path, operation = '', create = true } = props;
  if (path !== IN_MEMORY) {
    if (create) createIfMissing(path, operation);
    else refuseMissing(path, operation);
    refuseOtherNames(path, operation);
    refuseReadOnly(path, operation);
  }
  return await configured(connect(path, false, operation), props, (db) => {
    applyConnectionPragmas(db, props.durability);
    applyWriterPragmas(db);
  });
}

/** Opens a connection that can't change the file. Throws `CANNOT_OPEN` when there is none. */
export async function openReader(props: ConnectProps): Promise<Database.Database> {
  const { path, operation = '' } = props;
  refuseOtherNames(path, operation);
  return await configured(connect(path, true, operation), props, (db) =>
    applyConnectionPragmas(db, props.durability),
  );
}

/** Puts the file in WAL mode, as published. */
export async function startWal(db: Database.Database, props: ConnectProps): Promise<void> {
  if (props.path === IN_MEMORY) return;
  await unlessBusy(props, () => turnOnWal(db));
}

/**
 * Closes the writer of a file that is refused and leaves the file as it is: the last connection
 * that may write would bring a WAL that somebody left into it.
 */
export function closeRefused(writer: Database.Database, { path, operation }: ConnectProps): void {
  let bystander: Database.Database | undefined;
  try {
    bystander = path === IN_MEMORY ? undefined : connect(path, true, operation);
    // The first read is what makes SQLite count it.
    bystander?.prepare('select count(*) from sqlite_master').get();
  } catch {
    // Why the file is refused is known already, and is what the caller gets.
  } finally {
    writer.close();
    bystander?.close();
  }
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
      // The first read: a file that is not a database, or that can't be read, shows here.
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
    // As the call that it is part of: the SQL of opening is ours, also where no call is named.
    const reported = toPylonDbError(error, props.path, 'PylonDb.open');
    throw isPylonDbError(reported) ? reported.withOperation(props.operation ?? '') : reported;
  }
}
