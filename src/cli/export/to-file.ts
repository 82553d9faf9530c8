import {
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { runInChild } from '../../backup/child.js';
import { fileProblem } from '../../backup/file-problem.js';
import { assertNotLive } from '../../backup/live-files.js';
import {
  createExclusively,
  discard,
  partialPath,
  removeLeftovers,
} from '../../backup/partial-files.js';
import type { OnProgress } from '../../backup/progress.js';
import { PylonDbError } from '../../errors.js';
import type { DatabasePlace } from '../../named-database.js';
import { COMMAND_CHILD } from '../shell/child.js';
import type { ExportProps, ExportTable } from './parts.js';
import type { ExportTask, WrittenPart } from './task.js';

/** Where an export goes, and how it is watched and stopped. */
export interface ExportFileOptions {
  /** The absolute path of the file, or of the folder that gets a file for each table. */
  readonly destination: string;
  /** Whether a file of that name is replaced. */
  readonly force: boolean;
  readonly onProgress: OnProgress;
  readonly signal: AbortSignal;
}

/** A file of a finished export. */
export interface ExportedFile extends WrittenPart {
  readonly path: string;
}

/**
 * Exports a table or a query to one file: whole and synced, or not at all. Throws
 * `INVALID_ARGUMENT` when something stands there or the name is the database's own, `CANNOT_OPEN`,
 * `DISK_FULL`, `ABORTED`, and what reading throws.
 */
export async function exportToFile(
  database: DatabasePlace,
  props: ExportProps,
  options: ExportFileOptions,
): Promise<ExportedFile> {
  const { destination, force } = options;
  return await inPartialFile(destination, async (partial) => {
    assertFileDestination(destination, database.path, force);
    createExclusively(partial);
    const [written] = await run(database, props, [partial], options);
    // What somebody made meanwhile stays.
    assertFileDestination(destination, database.path, force);
    renameSync(partial, destination);
    return { path: destination, ...(written ?? NOTHING) };
  });
}

/**
 * Exports tables to a folder that is new or empty, a file each, named `TABLE.FORMAT`: all files
 * appear at once, or none. Throws like {@link exportToFile}.
 */
export async function exportToFolder(
  database: DatabasePlace,
  props: ExportProps & { readonly tables: readonly ExportTable[] },
  options: ExportFileOptions,
): Promise<ExportedFile[]> {
  const { destination } = options;
  return await inPartialFile(destination, async (partial) => {
    assertFolderDestination(destination, database.path);
    mkdirSync(partial, { mode: 0o700 });
    const names = props.tables.map((table) => `${table}.${props.format}`);
    const files = names.map((name) => join(partial, name));
    for (const file of files) createExclusively(file);
    const written = await run(database, props, files, options);
    syncFolder(partial);
    renameSync(partial, destination);
    return written.map((part, i) => ({ path: join(destination, names[i] ?? ''), ...part }));
  });
}

const NOTHING = { table: undefined, rows: 0, bytes: 0 } as const;

/** Lets `work` build something next to its final place, and removes what is left of a failure. */
async function inPartialFile<Result>(
  destination: string,
  work: (partial: string) => Promise<Result>,
): Promise<Result> {
  const folder = dirname(destination);
  const partial = partialPath(folder, basename(destination));
  try {
    removeLeftovers(folder);
    const result = await work(partial);
    syncFolder(folder);
    return result;
  } catch (error) {
    discard(partial);
    throw fileProblem(error, destination);
  }
}

async function run(
  { path, serverUrl, readFrom }: DatabasePlace,
  props: ExportProps,
  files: readonly string[],
  { onProgress, signal }: ExportFileOptions,
): Promise<WrittenPart[]> {
  if (serverUrl !== undefined) {
    const { exportServerFiles } = await import('./server.js');
    return await exportServerFiles(serverUrl, props, files, { onProgress, signal });
  }
  const { selection, format, includeSecrets, spreadsheet = false } = props;
  const from = readFrom ?? path;
  const input = { path: from, selection, format, includeSecrets, spreadsheet, files };
  return await runInChild<ExportTask>(COMMAND_CHILD, 'export', input, {
    onReport: onProgress,
    signal,
  });
}

/** Makes a rename in the folder outlive a power cut. */
function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } catch {
    // Some network file systems can't, and do it by themselves.
  } finally {
    closeSync(fd);
  }
}

/**
 * Throws `INVALID_ARGUMENT` unless a file may be written there: nothing stands there, or with
 * `force` a plain file that isn't the database's.
 */
export function assertFileDestination(path: string, database: string, force: boolean): void {
  assertNotLive(path, database);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || (force && found.isFile())) return;
  if (found.isDirectory()) throw refused(`${path} is a folder`, 'Give the name of a file in it.');
  if (!found.isFile()) throw refused(`${path} is not a plain file`, 'Give another name.');
  throw refused(`${path} exists already`, 'Give another name, or add --force to replace it.');
}

/** Throws `INVALID_ARGUMENT` unless the folder is new, or empty. */
export function assertFolderDestination(path: string, database: string): void {
  assertNotLive(path, database);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  const isEmpty = found.isDirectory() && readdirSync(path).length === 0;
  if (isEmpty) return;
  const problem = found.isDirectory() ? `${path} isn't empty` : `${path} is not a folder`;
  throw refused(problem, 'Give a folder that is new or empty: it gets a file for each table.');
}

function refused(problem: string, hint: string): PylonDbError<'INVALID_ARGUMENT'> {
  return new PylonDbError('INVALID_ARGUMENT', problem, { field: 'out' }, { hint });
}
