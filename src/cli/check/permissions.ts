import { chmodSync, lstatSync, type Stats } from 'node:fs';
import { basename, dirname } from 'node:path';
import { SIDECARS } from '../../engine/sqlite/sidecars.js';
import { counted } from '../shell/units.js';
import { type Finding, findingsOf, Tally } from './finding.js';

// `lstat` and `chmod` only: opening a live file, and closing it, would drop SQLite's locks.

/** What group and others may do. */
const NOT_THE_OWNERS = 0o077;

/** Group and others may remove files of the folder and put others there. */
const FOLDER_OF_OTHERS = 0o022;

/** In a folder with it, as /tmp, only a file's owner may. */
const STICKY = 0o1000;

/** Who may read and write the database at `path`, an absolute path without links. Opens nothing. */
export function checkPermissions(path: string): Finding[] {
  const files = filesOf(path);
  return [...checkModes(files), ...checkFolder(dirname(path)), ...checkOwners(path, files)];
}

/** Takes the rights of group and others from the files, and gives the paths. What can't be stays. */
export function repairModes(path: string): string[] {
  return filesOf(path).flatMap(({ path: file, mode }) => {
    if ((mode & NOT_THE_OWNERS) === 0) return [];
    try {
      chmodSync(file, mode & ~NOT_THE_OWNERS & 0o7777);
      return [file];
    } catch {
      // Of another owner, or on a file system without modes: it is found again, and reported.
      return [];
    }
  });
}

interface File extends Pick<Stats, 'mode' | 'uid'> {
  readonly path: string;
}

/** The database and its sidecars. A link isn't followed: its target is not ours to change. */
function filesOf(path: string): File[] {
  return [path, ...SIDECARS.map((suffix) => path + suffix)].flatMap((file) => {
    const found = lstatSync(file, { throwIfNoEntry: false });
    return found?.isFile() === true ? [{ path: file, mode: found.mode, uid: found.uid }] : [];
  });
}

function checkModes(files: readonly File[]): Finding[] {
  const tally = new Tally();
  for (const { path, mode } of files) {
    if ((mode & NOT_THE_OWNERS) !== 0) tally.add(`${path} ${octal(mode)}`);
  }
  return findingsOf(tally, {
    check: 'file-modes',
    severity: 'note',
    problem: `${counted(tally.count, 'file')} that not only the owner may read or write`,
    mend: `Run \`pylon-db check --repair\`, or chmod 600; nothing else is meant to hold preimages.`,
    repairable: true,
  });
}

function checkFolder(folder: string): Finding[] {
  const { mode } = lstatSync(folder);
  const tally = new Tally();
  if ((mode & FOLDER_OF_OTHERS) !== 0 && (mode & STICKY) === 0) {
    tally.add(`${folder} ${octal(mode)}`);
  }
  return findingsOf(tally, {
    check: 'folder-mode',
    severity: 'note',
    problem: 'a folder in which others may replace the database',
    mend: `chmod go-w ${folder}`,
  });
}

function checkOwners(path: string, files: readonly File[]): Finding[] {
  const owner = files.find((file) => file.path === path)?.uid;
  const tally = new Tally();
  for (const file of files) {
    if (file.uid !== owner) tally.add(`${file.path} belongs to user ${file.uid}`);
  }
  return findingsOf(tally, {
    check: 'file-owners',
    severity: 'note',
    problem: `${counted(tally.count, 'file')} of another user than ${basename(path)}, of user ${owner}`,
    mend: `With all programs stopped, chown them to user ${owner}.`,
  });
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}
