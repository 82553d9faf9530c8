import { lstatSync, mkdirSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { expandPath } from '../engine/sqlite/database-file.js';
import { PylonDbError } from '../errors.js';
import { fileProblem } from './file-problem.js';
import { assertNotLive } from './live-files.js';
import { manifestPath } from './manifest.js';

/** Where a backup goes. */
export interface Destination {
  readonly folder: string;
  /** File names in the order in which they are tried: one that is taken is left alone. */
  readonly names: readonly string[];
  /** Whether a backup of the first name is replaced. */
  readonly force: boolean;
}

export interface DestinationProps {
  /** The file or folder that the caller named. */
  readonly destination: string;
  /** The database that is backed up. */
  readonly source: string;
  /** Unix seconds, for the name in a folder. */
  readonly createdAt: number;
  readonly force: boolean;
  readonly operation: string;
}

/** Backups of one folder that may carry the same second. */
const NAMES_PER_SECOND = 1000;

/**
 * Finds out where a backup goes. A folder is one that exists, or a path that ends in `/`: its last
 * part is created. Throws `INVALID_ARGUMENT` for a name that is taken or the database's own, and
 * `CANNOT_OPEN` when there is no such folder.
 */
export function resolveDestination(props: DestinationProps): Destination {
  const { destination, source, createdAt, force, operation } = props;
  const path = expandPath(destination);
  try {
    if (isFolder(path, destination)) {
      return { folder: path, names: namesOf(createdAt), force: false };
    }
    assertFolder(dirname(path), operation);
    assertNotLive(path, source, operation);
    if (!force || !isReplaceable(path)) assertFree(path, operation);
  } catch (error) {
    throw fileProblem(error, path, operation);
  }
  return { folder: dirname(path), names: [basename(path)], force };
}

/** Whether a backup of that name, or its manifest, would replace something. */
export function isTaken(path: string): boolean {
  return exists(path) || exists(manifestPath(path));
}

/** The error for a name at which something stands. */
export function taken(path: string, operation: string): PylonDbError {
  const found = exists(path) ? path : manifestPath(path);
  const fix = isReplaceable(path) ? 'or replace it with force (--force)' : 'or a folder';
  return new PylonDbError(
    'INVALID_ARGUMENT',
    `${found} exists already`,
    { field: 'destination' },
    { operation, hint: `Give another name, ${fix}.` },
  );
}

function assertFree(path: string, operation: string): void {
  if (isTaken(path)) throw taken(path, operation);
}

function isFolder(path: string, asGiven: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found !== undefined || !asGiven.endsWith('/')) return found?.isDirectory() === true;
  // Only the last part: a path into a disk that isn't mounted must fail.
  mkdirSync(path, { mode: 0o700 });
  return true;
}

function assertFolder(folder: string, operation: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
  throw new PylonDbError(
    'CANNOT_OPEN',
    `there is no folder ${folder}`,
    { path: folder },
    { operation, hint: 'Create it first: a disk that should be there may not be mounted.' },
  );
}

/** A file or nothing, for the backup and its manifest: never a folder, a device or a link. */
function isReplaceable(path: string): boolean {
  return [path, manifestPath(path)].every((written) => {
    const found = lstatSync(written, { throwIfNoEntry: false });
    return found === undefined || found.isFile();
  });
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** `pylon-20261123T021330Z.db`, then `pylon-20261123T021330Z-2.db`. */
function namesOf(createdAt: number): string[] {
  const stem = `pylon-${compactTime(createdAt)}`;
  return Array.from({ length: NAMES_PER_SECOND }, (_, i) =>
    i === 0 ? `${stem}.db` : `${stem}-${i + 1}.db`,
  );
}

function compactTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  // Where no calendar reaches, the number itself.
  if (Number.isNaN(date.getTime())) return String(seconds);
  return date.toISOString().replace(/[-:]|\.\d+/g, '');
}
