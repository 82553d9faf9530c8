import { readFileSync, statSync } from 'node:fs';
import { PylonDbError } from '../errors.js';
import { type Check, integer, key, listOf, object, timestamp } from '../schema/input.js';
import { fileProblem } from './file-problem.js';

/** What a whole database file says of itself. Field names are those of the manifest. */
export interface BackupFacts {
  readonly size_bytes: number;
  /** Of the file's bytes, in hex. */
  readonly sha256: string;
  /** Rows by table, those of other programs included. */
  readonly rows: Readonly<Record<string, number>>;
  /** Rows whose parent is missing: the source had them too. */
  readonly foreign_key_violations: number;
  /** The names in the ledger, oldest first. */
  readonly migrations: readonly string[];
  /** The UUID that names the database; none in a backup that is older than identities. */
  readonly identity?: string | null;
}

/** What stands next to a backup: `NAME.db` has `NAME.db.json`. Field names are the file's. */
export interface BackupManifest extends BackupFacts {
  readonly format: 1;
  /** The version of pylon-db that wrote it. */
  readonly pylon_db: string;
  /** Unix seconds: the backup holds everything that was acknowledged before. */
  readonly created_at: number;
  /** The database that was backed up, as an absolute path without links, or `:memory:`. */
  readonly source: string;
  /** The name of the machine or container; none in a backup that is older than identities. */
  readonly host?: string;
}

/** A manifest is some hundred bytes, and a line for each table: beyond, in bytes, it is none. */
const LARGEST_MANIFEST_BYTES = 4 * 1024 * 1024;

/** Where the manifest of a backup stands. */
export function manifestPath(backup: string): string {
  return `${backup}.json`;
}

/**
 * The manifest of a backup, `undefined` when there is none. Throws `BACKUP_INVALID` for one that
 * isn't whole or is of a newer pylon-db, `CANNOT_OPEN` for one that this user may not read, `ABORTED`
 * when the disk failed.
 */
export function readManifest(backup: string, operation = ''): BackupManifest | undefined {
  const path = manifestPath(backup);
  const text = readText(path, operation);
  if (text === undefined) return undefined;
  const value = parse(text, path, operation);
  if (Reflect.get(value, 'format') !== 1) {
    throw invalidBackup(operation, `the manifest ${path} isn't of format 1`, {
      hint: 'A newer pylon-db may have written it: update this one.',
    });
  }
  assertManifest(value, path, operation);
  return value;
}

/** The error for a backup that can't be trusted. */
export function invalidBackup(
  operation: string,
  problem: string,
  more: { readonly hint?: string; readonly cause?: unknown } = {},
): PylonDbError<'BACKUP_INVALID'> {
  const {
    hint = "Nothing was changed. Use another backup; `pylon-db backup list` shows what's there.",
  } = more;
  const context = { operation, hint };
  return new PylonDbError(
    'BACKUP_INVALID',
    problem,
    {},
    more.cause === undefined ? context : { ...context, cause: more.cause },
  );
}

function readText(path: string, operation: string): string | undefined {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return undefined;
    if (found.isFile() && found.size <= LARGEST_MANIFEST_BYTES) return readFileSync(path, 'utf8');
  } catch (error) {
    throw fileProblem(error, path, operation);
  }
  throw invalidBackup(operation, `${path} is not a manifest`);
}

function parse(text: string, path: string, operation: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalidBackup(operation, `the manifest ${path} is no JSON`, { cause });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw invalidBackup(operation, `the manifest ${path} is no JSON object`);
}

const sha256: Check = (value, field, operation) => {
  if (typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)) return;
  throw invalidBackup(operation, `${field} must be 64 hex digits`);
};

const counts: Check = (value, field, operation) => {
  object({ ...mapped(value) })(value, field, operation);
};

/** A check for each field of an object, whatever their names are. */
function mapped(value: unknown): Record<string, Check> {
  const names = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  return Object.fromEntries(names.map((name) => [name, integer()]));
}

/** Backups that are older than identities have neither. */
function orMissing(check: Check): Check {
  return (value, field, operation) => {
    if (value !== undefined && value !== null) check(value, field, operation);
  };
}

/** A later pylon-db may add fields to format 1, so unknown ones are left alone. */
const FIELDS: Readonly<Record<Exclude<keyof BackupManifest, 'format'>, Check>> = {
  pylon_db: key,
  created_at: timestamp,
  source: key,
  size_bytes: integer(),
  sha256,
  rows: counts,
  foreign_key_violations: integer(),
  migrations: listOf(key),
  identity: orMissing(key),
  host: orMissing(key),
};

function assertManifest(
  value: object,
  path: string,
  operation: string,
): asserts value is BackupManifest {
  for (const [field, check] of Object.entries(FIELDS)) {
    try {
      check(Reflect.get(value, field), field, operation);
    } catch (error) {
      const problem = error instanceof PylonDbError ? error.problem : String(error);
      throw invalidBackup(operation, `the manifest ${path} is broken: ${problem}`);
    }
  }
}
