import type Database from 'better-sqlite3';
import { type ConnectProps, IN_MEMORY, openReader, openWriter } from '../../engine/sqlite/open.js';
import { toPylonDbError } from '../../engine/sqlite/sqlite-errors.js';
import type { MigrationList } from '../../migrate/migration.js';
import { Migrator } from '../../migrate/migrator.js';
import { DEFAULT_BUSY_TIMEOUT_MS } from '../../options.js';
import { assertFile } from '../shell/settings.js';

/** How the commands about migrations connect. Their errors name no API call. */
export function connectProps(path: string): ConnectProps {
  return { path, durability: 'normal', busyTimeoutMs: DEFAULT_BUSY_TIMEOUT_MS };
}

/** Runs `run` with a connection that can't change the file. Throws `CANNOT_OPEN` without one. */
export async function withReader<Result>(
  path: string,
  run: (db: Database.Database) => Promise<Result>,
): Promise<Result> {
  assertFile(path);
  return await closing(await openReader(connectProps(path)), path, run);
}

/** Runs `run` with a connection that writes; only to `create` may it make a missing file. */
export async function withWriter<Result>(
  path: string,
  run: (db: Database.Database) => Promise<Result>,
  create = false,
): Promise<Result> {
  return await closing(await openWriter({ ...connectProps(path), create }), path, run);
}

/** Runs `run` with an empty database in memory. */
export async function withMemory<Result>(
  run: (db: Database.Database) => Promise<Result>,
): Promise<Result> {
  return await withWriter(IN_MEMORY, run);
}

/** The migrator of one connection. */
export function migratorOf(db: Database.Database, path: string, list: MigrationList): Migrator {
  const { busyTimeoutMs, operation } = connectProps(path);
  return new Migrator({ db, path, list, busyTimeoutMs, operation });
}

async function closing<Result>(
  db: Database.Database,
  path: string,
  run: (db: Database.Database) => Promise<Result>,
): Promise<Result> {
  try {
    return await run(db);
  } catch (error) {
    throw toPylonDbError(error, path);
  } finally {
    db.close();
  }
}
