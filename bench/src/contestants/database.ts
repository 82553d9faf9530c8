import Database from 'better-sqlite3';

/** One connection with pylon-db's pragmas, so that what differs is the layer above. */
export function openDatabase(path: string): Database.Database {
  const db = new Database(path, { fileMustExist: true });
  db.pragma('journal_mode = wal');
  db.pragma('synchronous = normal');
  db.pragma('foreign_keys = on');
  db.pragma('temp_store = memory');
  db.pragma('cache_size = -65536');
  db.pragma('wal_autocheckpoint = 4000');
  return db;
}
