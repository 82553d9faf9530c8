import { createRequire } from 'node:module';

import type CommonJsKysely = require('kysely');

import type { DatabaseMetadata } from 'kysely-codegen';

// kysely-codegen is CommonJS and works with the kysely of that kind: at run time a second copy, to
// the compiler another class than the one that the rest of pylon-db imports.
const kysely: typeof CommonJsKysely = createRequire(import.meta.url)('kysely');

/** The query builder as kysely-codegen knows it. */
export const Kysely = kysely.Kysely;
/** The query builder as kysely-codegen knows it. */
export type Kysely<Tables> = CommonJsKysely.Kysely<Tables>;
/** kysely's dialect for better-sqlite3, for kysely-codegen's query builder. */
export const SqliteDialect = kysely.SqliteDialect;
/** kysely's dialect for pg, for kysely-codegen's query builder. */
export const PostgresDialect = kysely.PostgresDialect;
/** kysely's template tag, for kysely-codegen's query builder. */
export const sql = kysely.sql;

/** Tables that only triggers and the engine touch; each engine has others. */
const INTERNAL: ReadonlySet<string> = new Set([
  'pylon_db_earning_hours',
  'pylon_db_job_payments',
  'pylon_db_locks',
  'pylon_db_replaced_earnings',
  'pylon_db_replaced_jobs',
]);

/** Leaves out what is nobody's to query, so that the types of all engines are the same. */
export function withoutInternalTables(metadata: DatabaseMetadata): DatabaseMetadata {
  metadata.tables = metadata.tables.filter(({ name }) => !INTERNAL.has(name));
  return metadata;
}

/** Digits of a decimal that a JavaScript number always gives back. */
export const EXACT_DIGITS = 15;

/** The data type of a decimal that may have more: where a number would be another, it is text. */
export const WIDE_DECIMAL = 'wide decimal';
