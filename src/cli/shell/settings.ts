import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { cannotUse, systemCode } from '../../engine/sqlite/system-error.js';
import { PylonDbError } from '../../errors.js';
import { type DatabasePlace, environmentDatabase, namedDatabase } from '../../named-database.js';
import { badUsage } from './arguments.js';

/** What the options of every command say. */
export interface Settings {
  /** The database as it may be shown: a file's absolute path, or a server's URL without password. */
  readonly path: string;
  /** What connects to a server, so never to be shown; `undefined` where the database is a file. */
  readonly serverUrl: string | undefined;
  /** A copy that is read in the place of a file that can't be opened where it is. */
  readonly readFrom?: string;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly colour: boolean;
}

interface GlobalOptions {
  readonly db?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly color: boolean;
}

/** Reads the global options, wherever they stood. Throws `INVALID_ARGUMENT`. */
export function readSettings(command: Command): Settings {
  const { db, json = false, quiet = false, color } = command.optsWithGlobals<GlobalOptions>();
  return { ...databaseOf(db), json, quiet, colour: color && !process.env['NO_COLOR'] };
}

/** What `PylonDb.open` takes for a database that must be there. Throws `CANNOT_OPEN` for no file. */
export function existingDatabase({ path, serverUrl }: Settings): string {
  if (serverUrl === undefined) assertFile(path);
  return serverUrl ?? path;
}

/** Throws `NOT_SUPPORTED` for a server, naming what to use there `instead`. */
export function refuseServer({ serverUrl }: Settings, what: string, instead: string): void {
  if (serverUrl === undefined) return;
  throw new PylonDbError('NOT_SUPPORTED', what, {}, { hint: instead });
}

/**
 * Throws `CANNOT_OPEN` unless there is a file at `path`, which `option` names. Opens and creates nothing.
 */
export function assertFile(path: string, option: '--db' | '--from' = '--db'): void {
  const kind = kindAt(path);
  if (kind === 'missing') {
    throw cannotOpen(
      path,
      `there is no file ${path}`,
      option === '--from'
        ? 'Give a file that is there, or the URL of a server, with --from.'
        : 'Give the database with --db PATH or PYLON_DB, or create it with `pylon-db migrate up`.',
    );
  }
  if (kind !== 'file') {
    throw cannotOpen(path, `${path} is ${kind}`, `Give the file itself with ${option} PATH.`);
  }
}

/** Like {@link assertFile}, but a missing file is fine: it will be created. */
export function assertFileOrMissing(path: string): void {
  if (kindAt(path) !== 'missing') assertFile(path);
}

function databaseOf(option: string | undefined): DatabasePlace {
  if (option === undefined) return environmentDatabase();
  // An option that swallowed the next one, or an empty variable in a script.
  if (option === '' || option.startsWith('-')) {
    throw badUsage('--db needs a path', 'Write --db PATH, and ./-name for a name like an option.');
  }
  return namedDatabase(option, '--db');
}

function kindAt(path: string): 'missing' | 'file' | 'a folder' | 'no regular file' {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return 'missing';
    if (found.isDirectory()) return 'a folder';
    return found.isFile() ? 'file' : 'no regular file';
  } catch (error) {
    throw systemCode(error) === undefined ? error : cannotUse(error, path);
  }
}

function cannotOpen(path: string, problem: string, hint: string): PylonDbError {
  return new PylonDbError('CANNOT_OPEN', problem, { path }, { hint });
}

/** Where backups go that are given no other place: `backups` next to the database. */
export function defaultBackupFolder({ path }: Settings): string {
  return join(dirname(path), 'backups');
}
