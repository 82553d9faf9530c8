import { toPylonDbError } from '../engine/sqlite/sqlite-errors.js';
import { isPylonDbError, type PylonDbError } from '../errors.js';
import { hashFile, readFacts } from './database-facts.js';
import { fileProblem } from './file-problem.js';
import { type BackupFacts, invalidBackup } from './manifest.js';
import type { Progress } from './progress.js';
import { lookTwice, NotWhole } from './second-look.js';
import { readUntouched } from './untouched.js';

export interface VerifyFileInput {
  readonly path: string;
  /** What the manifest says; missing for a file that has none. */
  readonly expected: BackupFacts | undefined;
}

/** Reads a backup whole, and gives what it holds. Throws `BACKUP_INVALID`; changes nothing. */
export async function verifyFile(
  { path, expected }: VerifyFileInput,
  report: (progress: Progress) => void,
): Promise<BackupFacts> {
  try {
    const bytes = await hashFile(path, report);
    if (expected !== undefined) compareBytes(path, bytes, expected);
    const { found: facts } = await lookTwice([path], () =>
      readUntouched(path, (readable) => readFacts(readable, report)),
    );
    if (expected !== undefined) compareFacts(path, facts, expected);
    return { ...bytes, ...facts };
  } catch (error) {
    throw asInvalid(error, path);
  }
}

export type VerifyTask = { readonly name: 'backup verify'; readonly task: typeof verifyFile };

type Bytes = Pick<BackupFacts, 'size_bytes' | 'sha256'>;

function compareBytes(path: string, found: Bytes, expected: Bytes): void {
  if (found.size_bytes !== expected.size_bytes) {
    throw invalidBackup(
      '',
      `${path} has ${found.size_bytes} bytes, its manifest says ${expected.size_bytes}`,
    );
  }
  if (found.sha256 !== expected.sha256) {
    throw invalidBackup('', `the SHA-256 of ${path} isn't the one in its manifest`);
  }
}

function compareFacts(
  path: string,
  found: Omit<BackupFacts, keyof Bytes>,
  expected: BackupFacts,
): void {
  const tables = new Set([...Object.keys(found.rows), ...Object.keys(expected.rows)]);
  for (const table of tables) {
    compare(path, `rows in ${table}`, found.rows[table], expected.rows[table]);
  }
  compare(
    path,
    'foreign key violations',
    found.foreign_key_violations,
    expected.foreign_key_violations,
  );
  compare(path, 'migrations', found.migrations.join(', '), expected.migrations.join(', '));
  if (expected.identity === undefined) return;
  compare(path, 'the identity', found.identity ?? undefined, expected.identity ?? undefined);
}

function compare(
  path: string,
  what: string,
  found: string | number | undefined,
  expected: string | number | undefined,
): void {
  if (found === expected) return;
  throw invalidBackup(
    '',
    `${what} of ${path}: ${found ?? 'none'}, but its manifest says ${expected ?? 'none'}`,
  );
}

/** A damaged or foreign file is reported as what it is to its reader: a backup to leave alone. */
function asInvalid(error: unknown, path: string): unknown {
  if (error instanceof NotWhole) {
    return invalidBackup('', `${path} is damaged: ${error.message}`);
  }
  const problem = fileProblem(toPylonDbError(error, path), path);
  const isContent =
    isPylonDbError(problem, 'CORRUPT') ||
    isPylonDbError(problem, 'NOT_A_DATABASE') ||
    isPylonDbError(problem, 'SCHEMA_MISMATCH');
  return isContent ? invalidOf(problem, path) : problem;
}

function invalidOf(error: PylonDbError, path: string): PylonDbError {
  const { problem, hint } = error;
  if (error.code !== 'SCHEMA_MISMATCH') return invalidBackup('', problem, { cause: error.cause });
  return invalidBackup('', `${path} is not a backup for this pylon-db: ${problem}`, { hint });
}
