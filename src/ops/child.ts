import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { cannotUse, systemCode } from '../engine/sqlite/system-error.js';
import { PylonDbError } from '../errors.js';
import type { Answer, Failure } from './ops-child.js';
import type { Task, TaskName, Tasks } from './tasks.js';

type Loaded<Name extends TaskName> = Awaited<ReturnType<Tasks[Name]>>;
type InputOf<Name extends TaskName> =
  Loaded<Name> extends Task<infer Input, infer _R, infer _O> ? Input : never;
type ReportOf<Name extends TaskName> =
  Loaded<Name> extends Task<infer _I, infer Report, infer _O> ? Report : never;
type OutputOf<Name extends TaskName> =
  Loaded<Name> extends Task<infer _I, infer _R, infer Output> ? Output : never;

/** How a task is watched and stopped. */
export interface ChildOptions<Name extends TaskName> {
  /** The call that failed, in errors. */
  readonly operation: string;
  readonly onReport?: (report: ReportOf<Name>) => void;
  /** Kills the process; the call then throws `ABORTED`. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The command that a task is a part of, also when a service asked for it: the child's argument, for
 * who reads the list of processes.
 */
const COMMANDS: Readonly<Record<TaskName, string>> = {
  snapshot: 'backup',
  verifyFile: 'backup verify',
  restore: 'restore',
  query: 'query',
  vacuum: 'vacuum',
  exportFiles: 'export',
  repairSchema: 'schema repair',
  check: 'check',
};

/** From the sources the child needs the same TypeScript loader; the package ships JavaScript. */
const FROM_SOURCES = import.meta.url.endsWith('.ts');

/**
 * Runs a task in a process of its own and gives its output. Throws the task's error as if it had
 * run here; `ABORTED` when `signal` fired or the process was killed.
 */
export async function runInChild<Name extends TaskName>(
  name: Name,
  input: InputOf<Name>,
  { operation, onReport, signal }: ChildOptions<Name>,
): Promise<OutputOf<Name>> {
  if (signal?.aborted) throw aborted(operation, signal.reason);
  // What a child works on comes with its task; the variable may hold a password.
  const { PYLON_DB: _, ...env } = process.env;
  const child = fork(programPath(), [COMMANDS[name]], {
    env,
    // Node's own flags, such as --inspect, are not for the child.
    execArgv: FROM_SOURCES ? ['--import', typescriptLoader()] : [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const kill = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', kill, { once: true });
  try {
    return await new Promise<OutputOf<Name>>((resolve, reject) => {
      child.on('message', (answer: Answer<ReportOf<Name>, OutputOf<Name>>) => {
        if (answer.kind === 'output') return resolve(answer.output);
        if (answer.kind === 'failure') return reject(failed(answer.failure, operation));
        try {
          onReport?.(answer.report);
        } catch (error) {
          reject(error);
        }
      });
      child.on('error', (error) => reject(notStarted(error, operation)));
      child.on('exit', () => reject(aborted(operation, signal?.reason)));
      child.send({ name, input }, (error) => {
        if (error !== null) reject(error);
      });
    });
  } finally {
    signal?.removeEventListener('abort', kill);
    kill();
  }
}

/** Whether tasks can run: a bundle of the caller's may have left the child's program out. */
export function hasChildProgram(): boolean {
  return existsSync(programPath());
}

function programPath(): string {
  const program = FROM_SOURCES ? './ops-child.ts' : './ops-child.js';
  return fileURLToPath(new URL(program, import.meta.url));
}

function typescriptLoader(): string {
  return pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
}

function failed({ code, problem, hint, details, cause }: Failure, operation: string): Error {
  if (code === undefined) return new Error(problem, { cause });
  return new PylonDbError(code, problem, details, {
    operation,
    hint,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** No descriptor or no process is left for it. */
function notStarted(error: Error, operation: string): Error {
  return systemCode(error) === undefined ? error : cannotUse(error, programPath(), operation);
}

function aborted(operation: string, cause: unknown): PylonDbError<'ABORTED'> {
  return new PylonDbError(
    'ABORTED',
    'it was stopped before its end',
    {},
    { operation, hint: 'Run it again.', ...(cause === undefined ? {} : { cause }) },
  );
}
