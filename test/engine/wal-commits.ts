import { execFileSync } from 'node:child_process';

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const PAGE_SIZE_AT = 8;
const SALTS_AT = 16;

/**
 * How many transactions stand in the database's WAL: each ends with a frame that states the new size
 * of the file. Another process reads it, because closing the file here would drop SQLite's locks.
 */
export function commitsInWal(path: string): number {
  const wal = execFileSync('cat', [`${path}-wal`], { maxBuffer: 2 ** 28 });
  if (wal.length < HEADER_BYTES) return 0;
  const frameBytes = FRAME_HEADER_BYTES + wal.readUInt32BE(PAGE_SIZE_AT);
  const salts = wal.subarray(SALTS_AT, SALTS_AT + 8);
  let commits = 0;
  for (let at = HEADER_BYTES; at + frameBytes <= wal.length; at += frameBytes) {
    // Frames of an earlier round of the log carry other salts.
    if (!wal.subarray(at + 8, at + 16).equals(salts)) break;
    if (wal.readUInt32BE(at + 4) !== 0) commits += 1;
  }
  return commits;
}
