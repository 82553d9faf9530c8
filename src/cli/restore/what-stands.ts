import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { isInWalMode } from '../../backup/untouched.js';
import { connect } from '../../engine/sqlite/database-file.js';
import { isPylonDbError, PylonDbError } from '../../errors.js';
import type { Kept } from './record.js';

// A restore that failed, or was stopped, ended on one side of one commit. Who asks for it must hear
// on which, and where the other data is.

/** What a database was before the restore. */
export interface Before {
  readonly path: string;
  readonly existed: boolean;
  readonly wasInWalMode: boolean;
}

type Standing = 'old' | 'restored' | 'nothing' | 'unknown';

/** Where SQLite's header keeps the number of the schema: its backup API counts it on. */
const SCHEMA_COOKIE_OFFSET = 40;
const COOKIE_BYTES = 4;

/**
 * The error of a restore that failed, saying what stands at the path now and where the rest is.
 * Lets SQLite undo what a stopped copy began, so that readers find the old database as it was.
 */
export async function toldWithWhatStands(
  error: unknown,
  before: Before,
  kept: Kept,
): Promise<unknown> {
  const standing = (await settle(before)) ? whatStands(before, kept) : 'unknown';
  const [problem, hint] = inWords(standing, before.path, kept);
  if (standing === 'old' && !isPylonDbError(error, 'ABORTED')) return error;
  if (!isPylonDbError(error)) {
    const why = error instanceof Error ? error.message : String(error);
    return new PylonDbError('ABORTED', `${why}; ${problem}`, {}, { hint, cause: error });
  }
  const { code, details, operation, cause } = error;
  return new PylonDbError(code, `${error.problem}; ${problem}`, details, {
    operation,
    hint,
    ...(cause === undefined ? {} : { cause }),
  });
}

function inWords(
  standing: Standing,
  path: string,
  { safety_copy, moved_aside = [] }: Kept,
): [problem: string, hint: string] {
  const [damaged] = moved_aside;
  const old = safety_copy ?? damaged;
  switch (standing) {
    case 'old': {
      const copy =
        safety_copy !== undefined && existsSync(safety_copy)
          ? ` ${safety_copy} is a copy of it that isn't needed.`
          : '';
      return [`${path} holds what it held before`, `Run it again.${copy}`];
    }
    case 'restored': {
      const back =
        safety_copy === undefined ? '' : ` \`pylon-db restore ${safety_copy} --force\` undoes it.`;
      const kept = old === undefined ? '' : ` What was there before is ${old}.`;
      return [
        `${path} holds the restored data, which wasn't verified there`,
        `Run \`pylon-db check\`.${kept}${back}`,
      ];
    }
    case 'nothing': {
      const kept = damaged === undefined ? '' : ` The damaged database is ${damaged}.`;
      return [`there is no database at ${path} now`, `Restore again.${kept}`];
    }
    case 'unknown': {
      const kept = old === undefined ? '' : ` What was there before is ${old}.`;
      return [
        `${path} holds the old or the restored data, whole: it couldn't be opened to see which`,
        `Look with \`pylon-db info\`.${kept}`,
      ];
    }
  }
}

/** False when it can't be opened: in use, damaged, or the disk fails. */
async function settle({ path, wasInWalMode }: Before): Promise<boolean> {
  const leftWalMode = wasInWalMode && !(await isInWalMode(path));
  if (!leftWalMode && !existsSync(`${path}-journal`)) return true;
  try {
    const db = connect(path, false);
    try {
      db.prepare('select count(*) from sqlite_master').get();
      if (leftWalMode) db.pragma('journal_mode = wal');
      return true;
    } finally {
      db.close();
    }
  } catch {
    // The next writer that opens it undoes it as well.
    return false;
  }
}

function whatStands({ path, existed }: Before, { safety_copy, moved_aside }: Kept): Standing {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (safety_copy !== undefined) {
    // It is made, whole, before the first page is copied.
    if (!existsSync(safety_copy)) return 'old';
    return schemaCookie(path) === schemaCookie(safety_copy) ? 'old' : 'restored';
  }
  const [damaged] = moved_aside ?? [];
  if (existed && (damaged === undefined || !existsSync(damaged))) return 'old';
  return size === 0 ? 'nothing' : 'restored';
}

/** No connection of this process is open, whose locks closing the file would drop. */
function schemaCookie(path: string): string {
  const file = openSync(path, 'r');
  try {
    const cookie = Buffer.alloc(COOKIE_BYTES);
    readSync(file, cookie, 0, COOKIE_BYTES, SCHEMA_COOKIE_OFFSET);
    return cookie.toString('hex');
  } finally {
    closeSync(file);
  }
}
