import { execFileSync } from 'node:child_process';
import { chmodSync, lstatSync, realpathSync, type Stats, statSync } from 'node:fs';
import { PylonDbError } from '../../errors.js';

// SQLite uses a sidecar that it finds. In a folder where others may create files, one of them could
// have prepared it: to read what is written, or to have it played back into the database.

/** What SQLite keeps next to a database. */
export const SIDECARS = ['-wal', '-shm', '-journal'] as const;

const GROUP_MAY_WRITE = 0o020;
const GROUP_AND_OTHERS = 0o077;
const ALL_RIGHTS = 0o7777;

/**
 * Throws `CANNOT_OPEN` for a sidecar of somebody who has no say over the database: its owner, this
 * user, root, and, while the database is group-writable, its group's members have. Takes rights
 * that the database doesn't give from a sidecar of this user. Opens nothing.
 */
export function refuseForeignSidecars(given: string, operation: string): void {
  const database = lookAt(given);
  // What can't be looked at can't be opened either: SQLite says so.
  if (database === undefined) return;
  // SQLite, too, follows links to the database first.
  const path = realpathSync(given);
  for (const suffix of SIDECARS) {
    const sidecar = lstatSync(path + suffix, { throwIfNoEntry: false });
    if (sidecar === undefined) continue;
    const problem = whatIsWrong(sidecar, database);
    if (problem !== undefined) throw refused(path + suffix, problem, operation);
    closeToOthers(path + suffix, sidecar, database);
  }
}

function lookAt(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function whatIsWrong(sidecar: Stats, database: Stats): string | undefined {
  if (!sidecar.isFile()) return sidecar.isSymbolicLink() ? 'is a link' : 'is not a regular file';
  const trusted = [process.geteuid?.(), 0, database.uid];
  if (trusted.includes(sidecar.uid)) return undefined;
  const isShared = (database.mode & GROUP_MAY_WRITE) !== 0;
  if (isShared && groupsOf(sidecar.uid).includes(database.gid)) return undefined;
  return `belongs to user ${sidecar.uid}, who has no rights to the database`;
}

/** Asked seldom: only for a file of a third user next to a database that a group shares. */
function groupsOf(uid: number): number[] {
  try {
    return execFileSync('id', ['-G', String(uid)], { encoding: 'utf8', stdio: 'pipe' })
      .trim()
      .split(' ')
      .map(Number);
  } catch {
    return [];
  }
}

function closeToOthers(path: string, sidecar: Stats, database: Stats): void {
  const tooMuch = sidecar.mode & GROUP_AND_OTHERS & ~database.mode;
  if (tooMuch === 0 || sidecar.uid !== process.geteuid?.()) return;
  try {
    chmodSync(path, sidecar.mode & ~tooMuch & ALL_RIGHTS);
  } catch {
    // On a file system without modes or for reading only; or its last connection removed it just now.
  }
}

function refused(path: string, problem: string, operation: string): PylonDbError {
  return new PylonDbError(
    'CANNOT_OPEN',
    `${path} ${problem}`,
    { path },
    {
      operation,
      hint: 'Somebody may have prepared it to read or change the data. Find out whose it is, and remove it with every program stopped.',
    },
  );
}
