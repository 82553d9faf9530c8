import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isPylonDbError } from '../errors.js';
import { fileProblem } from './file-problem.js';
import { type BackupManifest, manifestPath, readManifest } from './manifest.js';

/**
 * What a look at a backup and its manifest shows. `complete` compares sizes only: whether each byte is
 * right, {@link verifyBackup} finds out.
 */
export type BackupState =
  | 'complete'
  | 'other size'
  | 'no manifest'
  | 'broken manifest'
  | 'unreadable'
  | 'manifest only';

/** One file of a folder of backups. */
export interface ListedBackup {
  /** Absolute. */
  readonly path: string;
  readonly state: BackupState;
  readonly size_bytes: number;
  /** Unix seconds: of the manifest, else of the file. */
  readonly created_at: number;
  /** Whether that is later than now: the clock that gave it was wrong, or this one is. */
  readonly from_future: boolean;
  readonly manifest: BackupManifest | null;
}

/**
 * How much later than now a time may be, in seconds: the clocks of machines that share a folder
 * differ by some, and one that was set back makes backups of a moment ago seem later.
 */
const CLOCK_SKEW_S = 300;

/**
 * The backups of a folder, newest first and those from the future last: every `.db` file, and
 * whatever has a manifest. `now` is in unix seconds. Reads no database. Throws `CANNOT_OPEN` when there is no such folder.
 */
export function listBackups(folder: string, now: number, operation = ''): ListedBackup[] {
  try {
    const names = readdirSync(folder).filter((name) => !name.startsWith('.'));
    const backups = names
      .filter((name) => name.endsWith(manifestPath('')))
      .map((name) => name.slice(0, -manifestPath('').length));
    const candidates = new Set([...names.filter((name) => name.endsWith('.db')), ...backups]);
    return [...candidates]
      .flatMap((name) => lookAt(join(folder, name), now) ?? [])
      .sort(newestFirst);
  } catch (error) {
    throw fileProblem(error, folder, operation);
  }
}

/** Of one second, the longer name is the later one: `-2` and `-10` were added to it. */
function newestFirst(a: ListedBackup, b: ListedBackup): number {
  if (a.from_future !== b.from_future) return a.from_future ? 1 : -1;
  return b.created_at - a.created_at || b.path.length - a.path.length || (a.path < b.path ? 1 : -1);
}

/** `undefined` for what is not a backup: somebody's JSON, a folder, a file that just went away. */
function lookAt(path: string, now: number): ListedBackup | undefined {
  const file = statSync(path, { throwIfNoEntry: false });
  if (file !== undefined && !file.isFile()) return undefined;
  const manifest = manifestAt(path);
  if (file === undefined) {
    if (typeof manifest !== 'object') return undefined;
    const { created_at } = manifest;
    const from_future = created_at > now + CLOCK_SKEW_S;
    return { path, state: 'manifest only', size_bytes: 0, created_at, from_future, manifest };
  }
  const { size, mtimeMs } = file;
  const known = typeof manifest === 'object' ? manifest : null;
  const created_at = known?.created_at ?? Math.floor(mtimeMs / 1000);
  return {
    path,
    state: stateOf(size, manifest),
    size_bytes: size,
    created_at,
    from_future: created_at > now + CLOCK_SKEW_S,
    manifest: known,
  };
}

type FoundManifest = BackupManifest | 'broken manifest' | 'unreadable' | 'no manifest';

function stateOf(size: number, manifest: FoundManifest): BackupState {
  if (typeof manifest === 'string') return manifest;
  return manifest.size_bytes === size ? 'complete' : 'other size';
}

function manifestAt(path: string): FoundManifest {
  try {
    return readManifest(path) ?? 'no manifest';
  } catch (error) {
    // Another user's, as `sudo` makes them, or a part of the disk that failed: the others are listed.
    return isPylonDbError(error, 'BACKUP_INVALID') ? 'broken manifest' : 'unreadable';
  }
}
