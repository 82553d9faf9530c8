import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { cannotUse, systemCode } from '../engine/sqlite/system-error.js';
import { type ErrorCode, type ErrorDetails, PylonDbError } from '../errors.js';

/**
 * Work that blocks for long, or that must be stopped from outside: each task runs in a process of
 * its own. Input, reports and output cross the border as structured clones.
 */
export type Task<Input, Report, Output> = (
  input: Input,
  report: (report: Report) => void,
) => Promise<Output>;

/**
 * A task under the name of the command that it is a part of, also when a service asked for it: the
 * child's argument, for who reads the list of processes.
 */
export interface NamedTask {
  readonly name: string;
  readonly task: Task<never, unknown, unknown>;
}

/** A program that does one of its tasks, then ends. */
export interface ChildProgram {
  /** Its file, absolute. */
  readonly path: string;
}

/** What the library does in a process of its own. */
export const LIBRARY_CHILD = { path: programNextTo(import.meta.url, 'library-child') };

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

type InputOf<T extends NamedTask> = Parameters<T['task']>[0];
type ReportOf<T extends NamedTask> = Parameters<Parameters<T['task']>[1]>[0];
type OutputOf<T extends NamedTask> = Awaited<ReturnType<T['task']>>;

/** How a task is watched and stopped. */
export interface ChildOptions<T extends NamedTask> {
  /** The call that failed, in errors. */
  readonly operation?: string | undefined;
  readonly onReport?: (report: ReportOf<T>) => void;
  /** Kills the process; the call then throws `ABORTED`. */
  readonly signal?: AbortSignal | undefined;
}

/** The file of the program `name` next to the module at `url`. The package has all in one folder. */
export function programNextTo(url: string, name: string): string {
  return fileURLToPath(new URL(`./${name}${extname(url)}`, url));
}

/**
 * Runs a task in a process of its own and gives its output. Throws the task's error as if it had
 * run here; `ABORTED` when `signal` fired or the process was killed.
 */
export async function runInChild<T extends NamedTask>(
  { path }: ChildProgram,
  name: T['name'],
  input: InputOf<T>,
  { operation = '', onReport, signal }: ChildOptions<T>,
): Promise<OutputOf<T>> {
  if (signal?.aborted) throw aborted(operation, signal.reason);
  // What a child works on comes with its task; the variable may hold a password.
  const { PYLON_DB: _, ...env } = process.env;
  const child = fork(path, [name], {
    env,
    // Node's own flags, such as --inspect, are not for the child. A source needs the TypeScript loader;
    // the package ships JavaScript.
    execArgv: extname(path) === '.ts' ? ['--import', typescriptLoader()] : [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const kill = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', kill, { once: true });
  try {
    return await new Promise<OutputOf<T>>((resolve, reject) => {
      child.on('message', (answer: Answer<ReportOf<T>, OutputOf<T>>) => {
        if (answer.kind === 'output') return resolve(answer.output);
        if (answer.kind === 'failure') return reject(failed(answer.failure, operation));
        try {
          onReport?.(answer.report);
        } catch (error) {
          reject(error);
        }
      });
      child.on('error', (error) => reject(notStarted(error, path, operation)));
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
export function isInstalled({ path }: ChildProgram): boolean {
  return existsSync(path);
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
function notStarted(error: Error, path: string, operation: string): Error {
  return systemCode(error) === undefined ? error : cannotUse(error, path, operation);
}

function aborted(operation: string, cause: unknown): PylonDbError<'ABORTED'> {
  return new PylonDbError(
    'ABORTED',
    'it was stopped before its end',
    {},
    { operation, hint: 'Run it again.', ...(cause === undefined ? {} : { cause }) },
  );
}
