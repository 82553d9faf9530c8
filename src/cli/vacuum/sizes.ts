import { statSync } from 'node:fs';
import type Database from 'better-sqlite3';

/** What a database takes on the disk, in bytes. */
export interface DatabaseSizes {
  readonly file_bytes: number;
  readonly wal_bytes: number;
  /** Of the file: pages that hold nothing. */
  readonly free_bytes: number;
}

/** Looks at the files and asks for the free pages. Throws the driver's error. */
export function sizesOf(db: Database.Database, path: string): DatabaseSizes {
  const pages = Number(db.pragma('freelist_count', { simple: true }));
  return {
    file_bytes: sizeOf(path),
    wal_bytes: sizeOf(`${path}-wal`),
    free_bytes: pages * pageSize(db),
  };
}

/** Bytes of the pages in use: what a vacuumed file has at most. */
export function usedBytes(db: Database.Database): number {
  const pages = Number(db.pragma('page_count', { simple: true }));
  const free = Number(db.pragma('freelist_count', { simple: true }));
  return (pages - free) * pageSize(db);
}

/** 0 when there is no such file. Opens nothing. */
export function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function pageSize(db: Database.Database): number {
  return Number(db.pragma('page_size', { simple: true }));
}
