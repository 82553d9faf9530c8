import { lstatSync, readdirSync } from 'node:fs';
import { assertNotLive } from '../../backup/live-files.js';
import { PylonDbError } from '../../errors.js';

/**
 * Throws `INVALID_ARGUMENT` unless a file may be written there: nothing stands there, or with
 * `force` a plain file that isn't the database's.
 */
export function assertFileDestination(path: string, database: string, force: boolean): void {
  assertNotLive(path, database, '');
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || (force && found.isFile())) return;
  if (found.isDirectory()) throw refused(`${path} is a folder`, 'Give the name of a file in it.');
  if (!found.isFile()) throw refused(`${path} is no plain file`, 'Give another name.');
  throw refused(`${path} exists already`, 'Give another name, or add --force to replace it.');
}

/** Throws `INVALID_ARGUMENT` unless the folder is new, or empty. */
export function assertFolderDestination(path: string, database: string): void {
  assertNotLive(path, database, '');
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  const isEmpty = found.isDirectory() && readdirSync(path).length === 0;
  if (isEmpty) return;
  const problem = found.isDirectory() ? `${path} isn't empty` : `${path} is no folder`;
  throw refused(problem, 'Give a folder that is new or empty: it gets a file for each table.');
}

function refused(problem: string, hint: string): PylonDbError<'INVALID_ARGUMENT'> {
  return new PylonDbError('INVALID_ARGUMENT', problem, { field: 'out' }, { operation: '', hint });
}
