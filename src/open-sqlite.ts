import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { migrations as ownMigrations } from '../migrations/index.js';
import { retryWhileBusy } from './engine/sqlite/busy.js';
import { FilePlace } from './engine/sqlite/file-place.js';
import {
  type ConnectProps,
  closeRefused,
  IN_MEMORY,
  openReader,
  openWriter,
  startWal,
} from './engine/sqlite/open.js';
import type { WatchProps } from './engine/sqlite/schema-watch.js';
import { SqliteEngine } from './engine/sqlite/sqlite-engine.js';
import { toPylonDbError } from './engine/sqlite/sqlite-errors.js';
import { systemCode } from './engine/sqlite/system-error.js';
import { type KeepProps, keepSchema } from './keep-schema.js';
import type { MigrationList } from './migrate/migration.js';
import { INITIAL_MIGRATION } from './migrate/migration-names.js';
import { type LedgerState, readLedger, refusePending } from './migrate/schema-check.js';
import { DEFAULT_BUSY_TIMEOUT_MS, type OpenOptions } from './options.js';

/** Opens the file at an absolute path, or `:memory:`, and migrates it; see `PylonDb.open`. */
export async function openSqlite(
  operation: string,
  path: string,
  options: OpenOptions,
): Promise<SqliteEngine> {
  const { durability = 'normal', busyTimeoutMs = DEFAULT_BUSY_TIMEOUT_MS, onQuery } = options;
  const { create = true } = options;
  const props = { path, durability, busyTimeoutMs, operation, create };
  try {
    const connections =
      options.readonly === true
        ? await connectToRead(props, options)
        : await connectToWrite(props, options);
    const place = path === IN_MEMORY ? undefined : new FilePlace(path);
    return new SqliteEngine({ path, busyTimeoutMs, onQuery, place, ...connections });
  } catch (error) {
    // No descriptor was left for a module of ours, the file went away between two looks, or what a
    // look at its schema found is damaged.
    const isRaw = error instanceof Database.SqliteError || systemCode(error) !== undefined;
    throw isRaw ? toPylonDbError(error, path, operation) : error;
  }
}

interface Connections {
  readonly writer: Database.Database | undefined;
  readonly reader: Database.Database | undefined;
  readonly schema: WatchProps;
}

async function connectToWrite(props: ConnectProps, options: OpenOptions): Promise<Connections> {
  const { operation = '', path, busyTimeoutMs } = props;
  const list: MigrationList = { ...ownMigrations, ...options.migrations };
  if (
    options.migrate === false &&
    props.create !== false &&
    path !== IN_MEMORY &&
    !existsSync(path)
  ) {
    refusePending(operation, Object.keys(list));
  }
  const writer = await openWriter(props);
  const pending = await pendingIn(writer, list, props, options);
  try {
    await startWal(writer, props);
    if (pending.length > 0) {
      // Loaded only here: Umzug would be most of the import of an up-to-date file.
      const { Migrator } = await import('./migrate/migrator.js');
      await new Migrator({ db: writer, path, list, busyTimeoutMs, operation }).up();
    }
    const schema = await keepSchema(writer, keepProps(props, options.migrate !== false));
    const reader = path === IN_MEMORY ? undefined : await openReader(props);
    return { writer, reader, schema };
  } catch (error) {
    writer.close();
    throw error;
  }
}

async function pendingIn(
  writer: Database.Database,
  list: MigrationList,
  props: ConnectProps,
  { migrate = true }: OpenOptions,
): Promise<readonly string[]> {
  try {
    const { pending } = await ledgerOf(writer, list, props);
    if (pending.length > 0 && !migrate) refusePending(props.operation ?? '', pending);
    return pending;
  } catch (error) {
    closeRefused(writer, props);
    throw error;
  }
}

async function ledgerOf(
  db: Database.Database,
  list: MigrationList,
  { operation, path, busyTimeoutMs }: ConnectProps,
): Promise<LedgerState> {
  try {
    return await retryWhileBusy(() => readLedger(db, list, operation), busyTimeoutMs);
  } catch (error) {
    throw toPylonDbError(error, path, operation);
  }
}

async function connectToRead(props: ConnectProps, options: OpenOptions): Promise<Connections> {
  const { operation = '' } = props;
  const reader = await openReader(props);
  try {
    const list: MigrationList = { ...ownMigrations, ...options.migrations };
    const { pending } = await ledgerOf(reader, list, props);
    if (pending.includes(INITIAL_MIGRATION)) refusePending(operation, pending);
    if (pending.length > 0 && options.migrate === false) refusePending(operation, pending);
    const schema = await keepSchema(reader, keepProps(props, false));
    return { writer: undefined, reader, schema };
  } catch (error) {
    reader.close();
    throw error;
  }
}

function keepProps(props: ConnectProps, repairs: boolean): KeepProps {
  return { ...props, known: Object.keys(ownMigrations), repairs };
}
