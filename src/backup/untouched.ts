import { constants, mkdirSync, statSync } from 'node:fs';
import { chmod, copyFile, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileProblem } from './file-problem.js';
import { invalidBackup } from './manifest.js';
import { discard, isOwn, partialPath, partialsIn } from './partial-files.js';

/** What a copy is named for that SQLite reads in the place of a file in WAL mode. */
const READABLE = 'pylon-db-readable';

/** The first bytes of every SQLite file. */
const MAGIC = 'SQLite format 3\0';

/** Where the header keeps the journal mode, twice: for writing and for reading. */
const MODE_OFFSET = MAGIC.length + 2;

/** The modes there: a rollback journal, and WAL. */
const ROLLBACK_MODE = 1;
const WAL_MODE = 2;

/**
 * Runs `work` on a file that SQLite can read without creating `-wal` and `-shm` next to `path`. A
 * file in WAL mode is copied for that into a folder of its own: the driver can't open it as
 * immutable. Throws `BACKUP_INVALID` for a file that is not a database, or a part of one.
 */
export async function readUntouched<Result>(
  path: string,
  work: (readable: string) => Result | Promise<Result>,
): Promise<Result> {
  const mode = await journalMode(path);
  for (const suffix of ['-wal', '-journal']) {
    if ((statSync(path + suffix, { throwIfNoEntry: false })?.size ?? 0) === 0) continue;
    throw invalidBackup('', `${path}${suffix} stands next to it, so the file alone isn't whole`, {
      hint: `Make a backup of the two with \`pylon-db backup --db ${path}\`.`,
    });
  }
  if (mode !== WAL_MODE) return await work(path);
  removeUnusedCopies();
  const folder = copyFolder();
  mkdirSync(folder, { mode: 0o700 });
  try {
    return await work(await copyWithoutWal(path, join(folder, 'copy.db')));
  } finally {
    discard(folder);
  }
}

/** A name for a folder of a copy, which {@link removeUnusedCopies} knows. */
export function copyFolder(): string {
  return partialPath(tmpdir(), READABLE);
}

/** Removes the copies of processes that were killed: they hold all that the file does. */
export function removeUnusedCopies(): void {
  const folder = tmpdir();
  for (const { name, target, isInUse } of partialsIn(folder)) {
    if (isInUse || target !== READABLE || !isOwn(join(folder, name), 'folder')) continue;
    discard(join(folder, name));
  }
}

/** Whether the header of a database says that it is in WAL mode. */
export async function isInWalMode(path: string): Promise<boolean> {
  try {
    return (await journalMode(path)) === WAL_MODE;
  } catch {
    // No database, or none that this user may read.
    return false;
  }
}

async function journalMode(path: string): Promise<number> {
  const file = await open(path, 'r');
  try {
    const header = Buffer.alloc(MODE_OFFSET + 2);
    await file.read(header, 0, header.length, 0);
    if (header.toString('latin1', 0, MAGIC.length) === MAGIC) return header[MODE_OFFSET] ?? 0;
  } finally {
    await file.close();
  }
  throw invalidBackup('', `${path} is not an SQLite database`);
}

async function copyWithoutWal(path: string, copy: string): Promise<string> {
  try {
    await copyFile(path, copy, constants.COPYFILE_FICLONE);
    // It took the mode of the file, which may be read-only.
    await chmod(copy, 0o600);
    const file = await open(copy, 'r+');
    try {
      await file.write(Uint8Array.of(ROLLBACK_MODE, ROLLBACK_MODE), 0, 2, MODE_OFFSET);
    } finally {
      await file.close();
    }
  } catch (error) {
    discard(copy);
    throw fileProblem(error, tmpdir(), '', statSync(path).size);
  }
  return copy;
}
