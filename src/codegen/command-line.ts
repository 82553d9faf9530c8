import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { PylonDbError } from '../errors.js';

/** What one run of the command shall do. */
export interface CodegenTask {
  /** Compare and write nothing. */
  readonly check: boolean;
  /** Another live file, and where its types go; without it, our own migrations. */
  readonly other?: { readonly database: string; readonly outFile: string };
}

/** How the command is called. */
export const USAGE = 'npm run codegen -- [--check] [--db PATH --out FILE.ts]';

/** Reads the arguments after `npm run codegen --`. Throws `INVALID_ARGUMENT`, with the fix as hint. */
export function readArguments(argv: readonly string[]): CodegenTask | 'help' {
  const { check, db, out, help } = parse(argv);
  if (help === true) return 'help';
  const task = { check: check ?? false };
  if (db === undefined && out === undefined) return task;
  // One without the other would write a stranger's types over ours, or ours to nowhere sensible.
  if (!db) throw refuse('db', '--out needs --db');
  if (!out) throw refuse('out', '--db needs --out');
  if (!/\.[cm]?ts$/.test(out)) throw refuse('out', `--out must be a TypeScript file, not ${out}`);
  if (sameFile(db, out)) throw refuse('out', '--out must not be the database itself');
  return { ...task, other: { database: db, outFile: resolve(out) } };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        check: { type: 'boolean' },
        db: { type: 'string' },
        out: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (cause) {
    const explanation = cause instanceof Error ? cause.message : String(cause);
    throw refuse('arguments', explanation.split(/\.\s|\n/, 1).join(''), cause);
  }
}

function sameFile(database: string, outFile: string): boolean {
  try {
    return realpathSync(database) === realpathSync(outFile);
  } catch {
    return false;
  }
}

function refuse(field: string, problem: string, cause?: unknown): PylonDbError {
  return new PylonDbError(
    'INVALID_ARGUMENT',
    problem,
    { field },
    { operation: 'codegen', hint: `Call it as: ${USAGE}`, cause },
  );
}
