import type { DatabaseMetadata } from 'kysely-codegen';

/** Tables that only triggers and the engine touch; each engine has others. */
const INTERNAL: ReadonlySet<string> = new Set([
  'pylon_db_locks',
  'pylon_db_replaced_earnings',
  'pylon_db_replaced_jobs',
]);

/** Leaves out what is nobody's to query, so that the types of all engines are the same. */
export function withoutInternalTables(metadata: DatabaseMetadata): DatabaseMetadata {
  metadata.tables = metadata.tables.filter(({ name }) => !INTERNAL.has(name));
  return metadata;
}
