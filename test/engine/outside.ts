import Database from 'better-sqlite3';

/** Runs SQL on a database file through a connection of its own, as another program would. */
export function writeOutside(path: string, sql: string): void {
  const db = new Database(path);
  // Power cuts are not what these tests are about, and fsyncs are most of their time.
  db.pragma('synchronous = off');
  try {
    db.exec(sql);
  } finally {
    db.close();
  }
}

/** The rows that a connection of its own reads from a database file. */
export function readOutside(path: string, sql: string): unknown[] {
  const db = new Database(path, { readonly: true });
  try {
    return db.prepare(sql).all();
  } finally {
    db.close();
  }
}

/** The first column of the first row that a connection of its own reads. */
export function valueOutside(path: string, sql: string): unknown {
  const db = new Database(path, { readonly: true });
  try {
    return db.prepare(sql).pluck().get();
  } finally {
    db.close();
  }
}
