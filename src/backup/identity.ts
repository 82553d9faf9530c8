import type Database from 'better-sqlite3';

/**
 * The UUID that names a database; `null` in a file that was last migrated before there were
 * identities, and in another program's.
 */
export function identityIn(db: Database.Database): string | null {
  const table = "select 1 from sqlite_master where type = 'table' and name = 'pylon_db_identity'";
  if (db.prepare(table).get() === undefined) return null;
  const identity = db.prepare('select identity from pylon_db_identity where id = 1').pluck().get();
  return typeof identity === 'string' && identity !== '' ? identity : null;
}
