import { statSync } from 'node:fs';
import type { Command } from 'commander';
import { DEFAULT_PATH, expandPath } from '../engine/sqlite/database-file.js';
import { PylonDbError } from '../errors.js';
import { badUsage } from './usage-error.js';

/** What the options of every command say. */
export interface Settings {
  /** The database's absolute path. */
  readonly path: string;
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
  return { path: databasePath(db), json, quiet, colour: color && !process.env['NO_COLOR'] };
}

/** Throws `CANNOT_OPEN` with the fix unless there is a file at `path`. Opens and creates nothing. */
export function assertFile(path: string): void {
  const kind = kindAt(path);
  if (kind === 'missing') {
    throw cannotOpen(
      path,
      `there is no file ${path}`,
      'Give the database with --db PATH or PYLON_DB, or create it with `pylon-db migrate up`.',
    );
  }
  if (kind !== 'file') {
    throw cannotOpen(path, `${path} is ${kind}`, 'Give the file itself with --db PATH.');
  }
}

/** Like {@link assertFile}, but a missing file is fine: it will be created. */
export function assertFileOrMissing(path: string): void {
  if (kindAt(path) !== 'missing') assertFile(path);
}

function databasePath(option: string | undefined): string {
  if (option === undefined) return checkedPath(process.env['PYLON_DB'] || DEFAULT_PATH, 'PYLON_DB');
  // An option that swallowed the next one, or an empty variable in a script.
  if (option === '' || option.startsWith('-')) {
    throw badUsage('--db needs a path', 'Write --db PATH, and ./-name for a name like an option.');
  }
  return checkedPath(option, '--db');
}

function checkedPath(path: string, from: string): string {
  if (path === ':memory:') {
    throw badUsage(`${from} must be a file`, 'A database in memory would be empty.');
  }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(path)) {
    throw new PylonDbError(
      'NOT_SUPPORTED',
      'only SQLite files can be opened',
      {},
      { operation: '', hint: `Give the path of a pylon.db file as ${from}.` },
    );
  }
  return expandPath(path);
}

function kindAt(path: string): 'missing' | 'file' | 'a folder' | 'no regular file' {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return 'missing';
    if (found.isDirectory()) return 'a folder';
    return found.isFile() ? 'file' : 'no regular file';
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    throw cannotOpen(path, `${path} can't be reached${why}`, 'Check the path and its permissions.');
  }
}

function cannotOpen(path: string, problem: string, hint: string): PylonDbError {
  return new PylonDbError('CANNOT_OPEN', problem, { path }, { operation: '', hint });
}
