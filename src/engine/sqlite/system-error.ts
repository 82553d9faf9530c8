import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { PylonDbError } from '../../errors.js';

// What the operating system says, in the words of a caller. SQLite's codes leave some of it out.

/** A disk, a quota or a limit that has no room, by number: Node has no name for a full quota. */
const NO_ROOM: ReadonlySet<unknown> = new Set(
  [constants.errno.ENOSPC, constants.errno.EDQUOT, constants.errno.EFBIG].map((errno) => -errno),
);

/** Codes of a process, or a machine, that can open no more files. */
const NO_DESCRIPTOR: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE']);

/** What {@link lookForRoom} writes, in bytes: more than the rest of a block that has room left. */
const PROBE_BYTES = 65_536;

/** Whether the error says that there is no room for what was to be written. */
export function isNoRoom(error: unknown): boolean {
  return error instanceof Error && 'errno' in error && NO_ROOM.has(error.errno);
}

/** Whether the error says that the process, or the machine, can open no more files. */
export function isNoDescriptor(error: unknown): boolean {
  return NO_DESCRIPTOR.has(systemCode(error) ?? '');
}

/**
 * `CANNOT_OPEN` for an error of the operating system other than a missing room, which names the path;
 * `ABORTED` when the disk failed.
 */
export function cannotUse(error: unknown, path: string, operation = ''): PylonDbError {
  const code = systemCode(error) ?? '';
  const context = { operation, cause: error };
  if (code === 'EIO') {
    return new PylonDbError(
      'ABORTED',
      `the disk failed at ${path}`,
      {},
      { ...context, hint: 'Check the disk, then retry or choose another.' },
    );
  }
  if (NO_DESCRIPTOR.has(code)) {
    return new PylonDbError(
      'CANNOT_OPEN',
      `${path} can't be opened: too many files are open (${code})`,
      { path },
      { ...context, hint: 'Close what is not needed, or raise the limit: `ulimit -n` shows it.' },
    );
  }
  const owner = OTHERS.has(code) ? ofAnother(path) : undefined;
  const why = WHY[code];
  return new PylonDbError(
    'CANNOT_OPEN',
    owner?.problem ??
      (code === 'ENOENT'
        ? missing(path)
        : `${path} can't be used${why === undefined ? '' : `: ${why}`} (${code})`),
    { path },
    {
      ...context,
      hint: owner?.hint ?? HINT[code] ?? 'Check that it exists, and that you may use it.',
    },
  );
}

/** Of a file that was to be created, the folder is what is missing. */
function missing(path: string): string {
  const folder = dirname(path);
  return existsSync(folder) ? `there is no ${path}` : `there is no folder ${folder}`;
}

/** What codes mean that a path alone explains. */
const WHY: Readonly<Record<string, string>> = {
  EISDIR: 'it is a folder',
  ELOOP: 'its links lead back to themselves',
  ENAMETOOLONG: 'its name is too long',
  ENOTDIR: 'a part of the path is a file',
  EROFS: 'the disk is mounted for reading only',
};

/** What helps where existing and being allowed to doesn't. */
const HINT: Readonly<Record<string, string>> = {
  EROFS:
    'Mount it for writing, or use another place. The kernel mounts a failing disk so: its log says why.',
};

/** The path that an error of the operating system names. */
export function placeOf(error: unknown): string {
  return error instanceof Error && 'path' in error ? String(error.path) : 'a file';
}

const OTHERS: ReadonlySet<string> = new Set(['EACCES', 'EPERM']);

/** The code of an error of the operating system; `undefined` for any other. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  // An import that found no descriptor has no `syscall`.
  const isSystem = 'syscall' in error || NO_DESCRIPTOR.has(String(error.code));
  return isSystem ? String(error.code) : undefined;
}

/**
 * Whose a path is that this user may not use, and what gives it back: of the path, or of the nearest
 * folder above that can be looked at. `undefined` when it is this user's own.
 */
export function ofAnother(path: string): { problem: string; hint: string } | undefined {
  const me = process.geteuid?.();
  const found = nearest(path);
  if (found === undefined || me === undefined || found.uid === me) return undefined;
  return {
    problem: `${found.path} belongs to ${userName(found.uid)}, and ${userName(me)} may not use ${found.path === path ? 'it' : path}`,
    hint: isBelowOwn(found.path, me)
      ? `\`sudo chown -R ${me} ${found.path}\` gives it back, where a command was run with sudo once; else use another place.`
      : 'Use another place, or run it as a user who may.',
  };
}

/** Whether sudo may have made it for this user: a system's folder is never to be given away. */
function isBelowOwn(path: string, me: number): boolean {
  return statSync(dirname(path), { throwIfNoEntry: false })?.uid === me;
}

function nearest(path: string): { path: string; uid: number } | undefined {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found !== undefined) return { path, uid: found.uid };
  } catch {
    // The folder above may not be looked into.
  }
  const folder = dirname(path);
  return folder === path ? undefined : nearest(folder);
}

function userName(uid: number): string {
  return uid === 0 ? 'root' : `user ${uid}`;
}

/**
 * The error of a write next to a file, made and taken back at once: SQLite gives one code for a full
 * quota and a failing disk, and one for no descriptor and no permission. `undefined` when it works.
 */
export function lookForRoom(path: string): unknown {
  const name = `.${basename(path)}.${randomBytes(4).toString('hex')}.probe`;
  const probe = join(dirname(path), name);
  try {
    const fd = openSync(probe, 'wx', 0o600);
    try {
      // Before it is written: a process that is killed leaves nothing.
      rmSync(probe, { force: true });
      writeSync(fd, Buffer.alloc(PROBE_BYTES));
    } finally {
      closeSync(fd);
    }
    return undefined;
  } catch (error) {
    return error;
  }
}
