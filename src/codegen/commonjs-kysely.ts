import { createRequire } from 'node:module';

import type CommonJsKysely = require('kysely');

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
