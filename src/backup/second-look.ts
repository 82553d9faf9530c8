import { open } from 'node:fs/promises';
import Database from 'better-sqlite3';
import { systemCode } from '../engine/sqlite/system-error.js';
import { isPylonDbError, PylonDbError } from '../errors.js';

// SQLite gives a page that the disk didn't read the code of a damaged one. Only another look, and the
// bytes themselves, tell the two apart.

/** Bytes of a file that are read at once. */
const CHUNK_BYTES = 1024 * 1024;

/** The primary code of SQLite's I/O errors, in the low byte of each extended one. */
const SQLITE_IOERR = 10;

/** The file is not a whole database; the message says what SQLite found. */
export class NotWhole extends Error {}

/** What was found, and how. */
export interface Looked<Found> {
  readonly found: Found;
  /** What a first look took for damage, and the second didn't find. */
  readonly passed?: string;
}

/**
 * Looks at a database, and once more where that shows damage: a disk that fails for a moment shows the
 * same. `damageIn` gives SQLite's words for damage in what was found. Throws what the second look
 * throws, or `ABORTED` where the disk can't read one of `paths`, none of which may be open here.
 */
export async function lookTwice<Found>(
  paths: readonly [string, ...string[]],
  look: () => Found | Promise<Found>,
  damageIn: (found: Found) => string | undefined = () => undefined,
): Promise<Looked<Found>> {
  const first = await attempt(look, damageIn);
  if (first.damage === undefined) return { found: first.result() };
  const second = await attempt(look, damageIn);
  if (second.damage === undefined) return { found: second.result(), passed: first.damage };
  if (isReadError(second.damage)) throw unreadable(paths[0], second.damage);
  for (const path of paths) {
    await assertReadable(path);
    await assertReadable(`${path}-wal`);
  }
  return { found: second.result() };
}

interface Attempt<Found> {
  /** SQLite's words. */
  readonly damage: string | undefined;
  /** Throws what the look threw. */
  result(): Found;
}

async function attempt<Found>(
  look: () => Found | Promise<Found>,
  damageIn: (found: Found) => string | undefined,
): Promise<Attempt<Found>> {
  try {
    const found = await look();
    return { damage: damageIn(found), result: () => found };
  } catch (error) {
    const damage = damageOf(error);
    if (damage === undefined) throw error;
    return {
      damage,
      result: () => {
        throw error;
      },
    };
  }
}

function damageOf(error: unknown): string | undefined {
  if (error instanceof NotWhole) return error.message;
  const cause = isPylonDbError(error) ? error.cause : error;
  const isDamage =
    cause instanceof Database.SqliteError && /^SQLITE_(CORRUPT|IOERR)/.test(cause.code);
  return isDamage ? cause.message : undefined;
}

/** `Tree 4 page 301: unable to get the page. error code=266`: of `integrity_check`. */
function isReadError(damage: string): boolean {
  const codes = [...damage.matchAll(/error code=(\d+)/g)].map(([, code]) => Number(code));
  return codes.some((code) => (code & 0xff) === SQLITE_IOERR);
}

async function assertReadable(path: string): Promise<void> {
  try {
    const file = await open(path, 'r');
    try {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      for (let at = 0; ; at += CHUNK_BYTES) {
        if ((await file.read(chunk, 0, CHUNK_BYTES, at)).bytesRead === 0) return;
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    if (systemCode(error) === 'EIO') throw unreadable(path, error);
    // There is no WAL; or SQLite has said already why the file can't be opened.
  }
}

function unreadable(path: string, cause: unknown): PylonDbError<'ABORTED'> {
  return new PylonDbError(
    'ABORTED',
    `the disk can't read ${path}`,
    {},
    {
      cause,
      hint: 'Check the disk first (`dmesg` says what failed): the file itself may be whole. Copy it to another disk as soon as it can be read.',
    },
  );
}
