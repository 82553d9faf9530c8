import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { sizeOf } from './sizes.js';

/**
 * Bytes that a VACUUM of process `pid` has written so far: its temporary copy and the WAL. SQLite
 * tells nothing while it works. The copy has no name, so it is seen on Linux only.
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
