import Database from 'better-sqlite3';
import type { PylonDb } from '../../src/index.js';

// Settings that only the connection has that writes, such as `max_page_count`, can't be set by a
// query. So the tests note each connection that is set up to write.
const writers = new Map<string, Database.Database>();
const { pragma } = Database.prototype;
Database.prototype.pragma = function (this: Database.Database, ...given) {
  if (given[0].startsWith('wal_autocheckpoint =')) writers.set(this.name, this);
  return pragma.apply(this, given);
};

/** The connection that writes for a database that was opened last at its path. */
export function writerOf({ path }: Pick<PylonDb, 'path'>): Database.Database {
  const writer = writers.get(path);
  if (writer === undefined) throw new Error(`Nothing writes ${path}`);
  return writer;
}

/** Makes SQLite say that the disk is full once the file has `pages` more than now. */
export function leaveRoom(db: Pick<PylonDb, 'path'>, pages: number): void {
  const writer = writerOf(db);
  const now = Number(writer.pragma('page_count', { simple: true }));
  writer.pragma(`max_page_count = ${now + pages}`);
}
