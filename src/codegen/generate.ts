import { generate, getDialect } from 'kysely-codegen';
import { Kysely, SqliteDialect } from './commonjs-kysely.js';
import { openReadOnly } from './database-file.js';
import { refineFromLiveSchema } from './live-schema.js';
import { dumpSchema } from './schema-dump.js';
import { TypeScriptFile } from './typescript-file.js';

/**
 * The TypeScript source that describes the tables of an existing SQLite file, which is only read.
 * Throws `CANNOT_OPEN`, `NOT_A_DATABASE`, or `SCHEMA_MISMATCH` if it has no tables.
 */
export async function generateTypes(databasePath: string): Promise<string> {
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
