import { readdirSync, readlinkSync, statSync } from 'node:fs';
import type Database from 'better-sqlite3';
import { formatBytes, freeBytes } from '../../engine/sqlite/room.js';
import { PylonDbError } from '../../errors.js';

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

/** Left over for everybody else: the daemon's next commits, logs. */
const SPARE_BYTES = 16 * 1024 * 1024;

/** Throws `DISK_FULL` with both figures unless the disk of `folder` has room for so many bytes. */
export function assertRoom(folder: string, bytes: number): void {
  const needed = bytes + SPARE_BYTES;
  const free = freeBytes(folder) ?? needed;
  if (free >= needed) return;
  throw new PylonDbError(
    'DISK_FULL',
    `it needs ${formatBytes(needed)} free on the disk of ${folder}, and there are ${formatBytes(free)}`,
    {},
    { hint: 'Nothing was changed. Free space there and run it again.' },
  );
}

/**
 * Bytes that a VACUUM of process `pid` has written so far: its temporary copy and the WAL. SQLite
 * reports nothing while it works. The copy has no name, so it is seen on Linux only.
 */
export function vacuumedBytes(pid: number, path: string): number {
  return temporaryBytes(pid) + sizeOf(`${path}-wal`);
}

function temporaryBytes(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder)
      .map((fd) => `${folder}/${fd}`)
      .filter((path) => /\/etilqs_\w+ \(deleted\)$/.test(readlinkSync(path)))
      .reduce((sum, path) => sum + statSync(path).size, 0);
  } catch {
    // It has ended, or there is no /proc.
    return 0;
  }
}
