import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileProblem } from '../../backup/file-problem.js';
import { discard } from '../../backup/partial-files.js';
import { roomAt } from '../../engine/sqlite/room.js';
import { cannotUse, isNoRoom, systemCode } from '../../engine/sqlite/system-error.js';
import { PylonDbError } from '../../errors.js';

/**
 * Prints what the system said when it failed. By hand: `copyFile` gives the copy, which stands
 * already, the mode of the file, and others may be able to read that.
 */
const PROGRAM = `
  const { openSync, readSync, writeSync } = process.getBuiltinModule('node:fs');
  const hash = process.getBuiltinModule('node:crypto').createHash('sha256');
  const [from, to] = process.argv.slice(1);
  try {
    const source = openSync(from, 'r');
    const copy = openSync(to, 'r+');
    const piece = Buffer.allocUnsafe(1 << 20);
    for (let size = readSync(source, piece); size > 0; size = readSync(source, piece)) {
      hash.update(piece.subarray(0, size));
      for (let done = 0; done < size; ) done += writeSync(copy, piece, done, size - done);
    }
    console.log(JSON.stringify({ sha256: hash.digest('hex') }));
  } catch ({ message, code, errno, syscall }) {
    console.log(JSON.stringify({ failure: { message, code, errno, syscall } }));
  }`;

/** What it prints. */
interface Copied {
  readonly sha256?: string;
  readonly failure?: object;
}

/**
 * Copies a file that SQLite holds open here, and gives the SHA-256 of what it read: this process would
 * drop SQLite's locks by closing it. Throws `DISK_FULL`, `ABORTED` when the disk fails, `CANNOT_OPEN`.
 */
export function copyByAnotherProcess(path: string, copy: string): string {
  // Node itself, without what its user wants of programs of his own: no other may be installed.
  const { NODE_OPTIONS: _, ...env } = process.env;
  const args = ['--eval', PROGRAM, '--', path, copy];
  const { error, status, signal, stdout } = spawnSync(process.execPath, args, {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  if (error !== undefined) {
    throw systemCode(error) === undefined ? error : cannotUse(error, process.execPath);
  }
  if (status !== 0) throw stopped(copy, signal ?? `exit code ${status}`);
  const { sha256, failure }: Copied = stdout === '' ? {} : JSON.parse(stdout);
  if (failure !== undefined) throw problemOf(Object.assign(new Error(), failure), path, copy);
  if (sha256 === undefined) throw stopped(copy, 'without a word');
  return sha256;
}

function problemOf(error: Error, path: string, copy: string): unknown {
  if (!isNoRoom(error)) return fileProblem(error, copy);
  // Before what is free is looked at.
  discard(copy);
  return new PylonDbError(
    'DISK_FULL',
    `there is no room for a safety copy at ${dirname(copy)}: ${roomAt(copy, statSync(path).size)}`,
    {},
    {
      cause: error,
      hint: 'Nothing was changed. Free space there, and restore again.',
    },
  );
}

function stopped(copy: string, how: string): PylonDbError<'ABORTED'> {
  return new PylonDbError(
    'ABORTED',
    `the process that makes the safety copy ${copy} ended before it was whole (${how})`,
    {},
    { hint: 'Run it again.' },
  );
}
