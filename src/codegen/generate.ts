import { generate, getDialect } from 'kysely-codegen';
import { isServerUrl, shownUrl } from '../database-url.js';
import { DriverPool } from '../engine/postgres/driver-pool.js';
import { toServer } from '../engine/postgres/open.js';
import { isPylonDbError, PylonDbError } from '../errors.js';
import { DEFAULT_BUSY_TIMEOUT_MS } from '../options.js';
import { openReadOnly } from './database-file.js';
import { Kysely, PostgresDialect, SqliteDialect } from './kysely-codegen.js';
import { refineFromLiveSchema } from './live-schema.js';
import { dumpSchema } from './schema-dump.js';
import { refineFromServerSchema } from './server-schema.js';
import { TypeScriptFile } from './typescript-file.js';

/**
 * The TypeScript source that describes the tables of an existing SQLite file, or of a PostgreSQL
 * server by its URL, which is only read. Throws `CANNOT_OPEN`, `NOT_A_DATABASE`, or
 * `SCHEMA_MISMATCH` if it has no tables.
 */
export async function generateTypes(database: string): Promise<string> {
  return isServerUrl(database, 'codegen') ? await typesOfServer(database) : await typesOf(database);
}

async function typesOf(databasePath: string): Promise<string> {
  const dialect = new SqliteDialect({ database: openReadOnly(databasePath) });
  const db = new Kysely<unknown>({ dialect });
  try {
    return await generate({
      db,
      dialect: getDialect('sqlite'),
      outFile: null,
      postprocess: refineFromLiveSchema,
      serializer: new TypeScriptFile(),
    });
  } finally {
    await db.destroy();
  }
}

async function typesOfServer(url: string): Promise<string> {
  const { default: pg } = await import('pg');
  const wishes = { readonly: true, lockTimeoutMs: DEFAULT_BUSY_TIMEOUT_MS };
  const pool = new DriverPool(pg, await toServer(pg.Client, url, wishes, 'codegen'));
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  try {
    return await generate({
      db,
      dialect: getDialect('postgres'),
      outFile: null,
      postprocess: refineFromServerSchema,
      serializer: new TypeScriptFile(),
    });
  } catch (cause) {
    if (isPylonDbError(cause)) throw cause.withOperation('codegen');
    throw new PylonDbError(
      'CANNOT_OPEN',
      `${shownUrl(url)} can't be read`,
      { path: shownUrl(url) },
      {
        operation: 'codegen',
        cause,
        hint: 'Look whether the server is up, and at user and database.',
      },
    );
  } finally {
    await db.destroy();
  }
}

/**
 * The SQL that makes every table, index and trigger of an existing SQLite file, which is only read,
 * in a stable order. Throws `CANNOT_OPEN` or `NOT_A_DATABASE`.
 */
export function generateSchemaSql(databasePath: string): string {
  const database = openReadOnly(databasePath);
  try {
    return dumpSchema(database);
  } finally {
    database.close();
  }
}
