import { existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';

const BYTES_PER_KIB = 1024;

/** `324 KiB`, `1.5 MiB`; below one KiB in bytes. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = bytes;
  let unit = 0;
  while (size >= BYTES_PER_KIB && unit < units.length - 1) {
    size /= BYTES_PER_KIB;
    unit += 1;
  }
  const digits = unit === 0 || size >= 100 ? 0 : 1;
  return `${size.toFixed(digits).replace(/\.0$/, '')} ${units[unit] ?? ''}`;
}

/** Bytes that this user may still write on the disk of a path, there or not; `undefined` where nobody can say. */
export function freeBytes(path: string): number | undefined {
  try {
    if (!existsSync(path)) return dirname(path) === path ? undefined : freeBytes(dirname(path));
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

/**
 * What the disk of `path` has free, in words, and what was needed where that is known. More free than
 * needed means that something else is full: a quota, or a limit on the size of files.
 */
export function roomAt(path: string, neededBytes?: number): string {
  const free = freeBytes(path);
  const needs = neededBytes === undefined ? '' : `it needs up to ${formatBytes(neededBytes)}`;
  if (free === undefined) return needs || 'nobody can say what is free';
  const has = `${formatBytes(free)} are free`;
  if (neededBytes === undefined) return has;
  if (free < neededBytes) return `${needs}, and ${has}`;
  return `${needs}, and a quota or a limit (\`ulimit -f\`) is in the way, as ${has}`;
}
