import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { SIDECARS } from '../engine/sqlite/sidecars.js';
import { manifestPath, readManifest } from './manifest.js';

// A file that grows has a hidden name next to the one it is meant for:
// `.NAME.PID-START-HOST-RANDOM.partial`. The name shows whether its process still works on it, so
// that what the dead left can be removed.

const PARTIAL =
  /^\.(?<target>.+)\.(?<pid>\d+)-(?<start>[0-9a-z]+)-(?<host>[0-9a-f]+)-[0-9a-f]+\.partial(?:-journal|-wal|-shm)?$/;

/** When this process began: a later one may get the pid of a dead one. */
const START = startOf(process.pid) ?? Math.round(performance.timeOrigin).toString(36);

/** The machine or container: a pid means nothing in another one that shares the folder. */
const HOST = createHash('sha256')
  .update(hostname())
  .update(pidNamespace())
  .digest('hex')
  .slice(0, 8);

/** When nobody works any more on a file of another machine, in ms: a day. */
const ABANDONED_MS = 24 * 3600 * 1000;

/** Where a file grows that is meant for `target` in `folder`. */
export function partialPath(folder: string, target: string): string {
  const unique = randomBytes(4).toString('hex');
  return join(folder, `.${target}.${process.pid}-${START}-${HOST}-${unique}.partial`);
}

/** Creates an empty file for its owner only, whatever the umask. Throws when there is one. */
export function createExclusively(path: string): void {
  closeSync(openSync(path, 'wx', 0o600));
}

/** Removes a partial file and its sidecars, if they are there, as far as {@link discard} can. */
export function removePartial(path: string): void {
  for (const suffix of [...SIDECARS, '']) discard(path + suffix);
}

/**
 * Removes a file, or a folder with all in it, that isn't needed any more; never throws. What the disk
 * or another user's folder keeps, a later run removes: what became of the work itself has to be reported.
 */
export function discard(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // As above.
  }
}

/**
 * Removes what dead processes left in the folder of unfinished backups. A name alone proves nothing
 * in a folder where others may create files: it must be this user's own regular file.
 */
export function removeLeftovers(folder: string): void {
  const partials = partialsIn(folder);
  const isReserved = new Set(partials.flatMap((file) => (file.isInUse ? [file.target] : [])));
  for (const { name, target, isInUse } of partials) {
    if (isInUse || !isOwn(join(folder, name), 'file')) continue;
    try {
      // One of the living may be about to place a backup of the same name.
      if (!isReserved.has(target)) removeReservation(join(folder, target));
      rmSync(join(folder, name), { force: true });
    } catch {
      // Another user's: theirs to remove.
    }
  }
}

/** A file or folder with the name of a partial one. */
export interface PartialFile {
  readonly name: string;
  /** What it was meant for. */
  readonly target: string;
  /** Whether a process may still work on it. */
  readonly isInUse: boolean;
}

/** The partial files of a folder, and what stands next to them. */
export function partialsIn(folder: string): PartialFile[] {
  return readdirSync(folder).flatMap((name) => {
    const { target, pid, start, host } = PARTIAL.exec(name)?.groups ?? {};
    if (target === undefined) return [];
    const isInUse = host === HOST ? isAlive(Number(pid), start) : isFresh(join(folder, name));
    return [{ name, target, isInUse }];
  });
}

/** A manifest goes into place before its backup: without one it names nothing. */
function removeReservation(backup: string): void {
  if (exists(backup) || !isOwn(manifestPath(backup), 'file')) return;
  const isEmpty = statSync(manifestPath(backup)).size === 0;
  if (isEmpty || readManifest(backup) !== undefined) rmSync(manifestPath(backup));
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Whether this user made what stands there, and it is not a link to something else. */
export function isOwn(path: string, kind: 'file' | 'folder'): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.uid !== process.geteuid?.()) return false;
  return kind === 'file' ? found.isFile() : found.isDirectory();
}

function isAlive(pid: number, start: string | undefined): boolean {
  const known = pid === process.pid ? START : startOf(pid);
  if (known !== undefined) return known === start;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Another user's process can't be signalled, but is there.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** In ticks since the machine's start, where the system reports it: on Linux. `''` for a dead one. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command before them, in parentheses, may contain anything. See proc(5), fields 3 and 22.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // Nobody took note of its end, which some containers never do.
    return fields[0] === 'Z' ? '' : fields[19];
  } catch {
    return undefined;
  }
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

function isFresh(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && Date.now() - found.mtimeMs < ABANDONED_MS;
}
