import { cannotUse, placeOf, systemCode } from '../engine/sqlite/system-error.js';
import { type ErrorCode, type ErrorDetails, isPylonDbError } from '../errors.js';
import { type Task, type TaskName, tasks } from './tasks.js';

// The program that `runInChild` starts: one task, then it ends.

/** An error as it crosses the border between two processes. */
export interface Failure {
  /** `undefined` for an error that no code foresees. */
  readonly code: ErrorCode | undefined;
  readonly problem: string;
  readonly hint: string;
  readonly details: ErrorDetails[ErrorCode];
  readonly cause: unknown;
}

/** What the child sends. */
export type Answer<Report, Output> =
  | { readonly kind: 'report'; readonly report: Report }
  | { readonly kind: 'output'; readonly output: Output }
  | { readonly kind: 'failure'; readonly failure: Failure };

/** The types of a task are those of its caller, {@link runInChild}. */
const loads: Readonly<Record<TaskName, () => Promise<Task<never, unknown, unknown>>>> = tasks;

// Whoever asked is gone, and nobody waits for the answer.
process.on('disconnect', () => process.exit(1));

process.once('message', ({ name, input }: { name: TaskName; input: never }) => {
  void run(name, input).then((answer) => process.send?.(answer));
});

async function run(name: TaskName, input: never): Promise<Answer<unknown, unknown>> {
  try {
    const task = await loads[name]();
    const output = await task(input, (report) => process.send?.({ kind: 'report', report }));
    return { kind: 'output', output };
  } catch (error) {
    return { kind: 'failure', failure: toFailure(error) };
  }
}

function toFailure(thrown: unknown): Failure {
  const error = systemCode(thrown) === undefined ? thrown : cannotUse(thrown, placeOf(thrown), '');
  const cause = error instanceof Error ? error.cause : undefined;
  if (isPylonDbError(error)) {
    const { code, problem, hint, details } = error;
    return { code, problem, hint, details, cause };
  }
  const problem = error instanceof Error ? error.message : String(error);
  return { code: undefined, problem, hint: '', details: {}, cause };
}
