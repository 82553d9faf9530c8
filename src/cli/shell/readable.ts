import { constants, mkdirSync, realpathSync, statSync } from 'node:fs';
import { chmod, copyFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { discard } from '../../backup/partial-files.js';
import { copyFolder, removeUnusedCopies } from '../../backup/untouched.js';
import { connect } from '../../engine/sqlite/database-file.js';
import { openReader } from '../../engine/sqlite/open.js';
import { roomAt } from '../../engine/sqlite/room.js';
import { isNoRoom } from '../../engine/sqlite/system-error.js';
import { isPylonDbError, PylonDbError } from '../../errors.js';
import { SIGNALS } from './interruption.js';
import type { Output } from './output.js';
import type { Settings } from './settings.js';

/** What makes a database whole: the -shm is made anew from the -wal. */
const PARTS = ['', '-wal', '-journal'] as const;

/**
 * Runs `work` on a file that can be opened for reading. SQLite must write next to a database to read it:
 * where it can't (a full disk, a disk mounted for reading only, a transaction that was left in the
 * middle), that is a copy in the temporary folder, for its owner only, which is removed at the end and
 * on signals. Throws what opening throws where there is no room for one either.
 */
export async function withReadable<Result>(
  settings: Settings,
  out: Output,
  work: (readable: Settings) => Promise<Result>,
): Promise<Result> {
  const why = settings.serverUrl === undefined ? await whyNot(settings.path) : undefined;
  if (why === undefined) return await work(settings);
  removeUnusedCopies();
  const folder = copyFolder();
  const forget = onSignals(() => discard(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
    const readFrom = await copied(settings.path, join(folder, 'copy.db'), why);
    out.note(`A copy in ${tmpdir()} is read, since ${why.problem}.`);
    return await work({ ...settings, readFrom });
  } finally {
    forget();
    discard(folder);
  }
}

/** Why SQLite can't read the file where it is; `undefined` when it can, or nothing can. */
async function whyNot(path: string): Promise<PylonDbError | undefined> {
  try {
    const how = { durability: 'normal', busyTimeoutMs: 0 } as const;
    (await openReader({ path, ...how })).close();
    return undefined;
  } catch (error) {
    return isPylonDbError(error) && needsCopy(error.cause) ? error : undefined;
  }
}

/**
 * Whether SQLite can't read a file where it is, though the file may be whole: it could write nothing
 * next to it, or a transaction was left in the middle.
 */
function needsCopy(error: unknown): boolean {
  return error instanceof Database.SqliteError && NEEDS_COPY.test(error.code);
}

const NEEDS_COPY =
  /^SQLITE_(FULL|IOERR_SHM|CANTOPEN|READONLY_(CANTINIT|CANTLOCK|DIRECTORY|RECOVERY|ROLLBACK))/;

async function copied(path: string, copy: string, why: PylonDbError): Promise<string> {
  // SQLite keeps the other parts next to the file itself, not next to a link.
  const real = realpathSync(path);
  const before = stateOf(real);
  try {
    for (const part of PARTS) {
      if (statSync(real + part, { throwIfNoEntry: false }) === undefined) continue;
      await copyFile(real + part, copy + part, constants.COPYFILE_FICLONE);
      await chmod(copy + part, 0o600);
    }
  } catch (cause) {
    // Before what is free is looked at.
    for (const part of PARTS) discard(copy + part);
    // Whoever may not read the file needs no room.
    if (!isNoRoom(cause)) throw why;
    throw new PylonDbError(why.code, why.problem, why.details, {
      cause,
      hint: `No copy could be read either: give one room in TMPDIR, which is ${tmpdir()}: ${roomAt(tmpdir(), bytesOf(real))}. ${why.hint}`,
    });
  }
  if (stateOf(real) !== before) throw writtenMeanwhile(path);
  // Rolls back, or recovers, what was left in the middle.
  const db = connect(copy, false);
  try {
    db.prepare('select count(*) from sqlite_master').get();
  } finally {
    db.close();
  }
  return copy;
}

function bytesOf(path: string): number {
  const sizes = PARTS.map((part) => statSync(path + part, { throwIfNoEntry: false })?.size ?? 0);
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Changes with each write: no lock of SQLite keeps others out while the parts are copied. */
function stateOf(path: string): string {
  return PARTS.map((part) => {
    const found = statSync(path + part, { bigint: true, throwIfNoEntry: false });
    return found && `${found.ino} ${found.size} ${found.mtimeNs}`;
  }).join();
}

function writtenMeanwhile(path: string): PylonDbError {
  return new PylonDbError(
    'BUSY',
    `${path} was written while it was copied`,
    { waitedMs: 0 },
    { hint: 'Run it again, with the program that writes stopped.' },
  );
}

/** Calls `remove` when the process is asked to end, which it does unless somebody else listens. */
function onSignals(remove: () => void): () => void {
  const listeners = SIGNALS.map((signal) => {
    const listener = () => {
      remove();
      if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
    };
    process.once(signal, listener);
    return () => process.off(signal, listener);
  });
  return () => {
    for (const forget of listeners) forget();
  };
}
