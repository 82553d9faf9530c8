import { cannotUse, placeOf, systemCode } from '../engine/sqlite/system-error.js';
import { isPylonDbError } from '../errors.js';
import type { Answer, Failure, NamedTask } from './child.js';

/** The tasks of a program by name, each loaded where it runs. */
export type Tasks<T extends NamedTask = NamedTask> = {
  readonly [Each in T as Each['name']]: () => Promise<Each['task']>;
};

/** Does the one task that {@link runInChild} asks this process for, then ends. */
export function serveTask(tasks: Tasks): void {
  // Whoever asked is gone, and nobody waits for the answer.
  process.on('disconnect', () => process.exit(1));
  process.once('message', ({ name, input }: { name: string; input: never }) => {
    void run(tasks[name], input).then((answer) => process.send?.(answer));
  });
}

async function run(
  load: Tasks[string] | undefined,
  input: never,
): Promise<Answer<unknown, unknown>> {
  try {
    if (load === undefined) throw new Error('this program has no such task');
    const task = await load();
    const output = await task(input, (report) => process.send?.({ kind: 'report', report }));
    return { kind: 'output', output };
  } catch (error) {
    return { kind: 'failure', failure: toFailure(error) };
  }
}

function toFailure(thrown: unknown): Failure {
  const error = systemCode(thrown) === undefined ? thrown : cannotUse(thrown, placeOf(thrown));
  const cause = error instanceof Error ? error.cause : undefined;
  if (isPylonDbError(error)) {
    const { code, problem, hint, details } = error;
    return { code, problem, hint, details, cause };
  }
  const problem = error instanceof Error ? error.message : String(error);
  return { code: undefined, problem, hint: '', details: {}, cause };
}
