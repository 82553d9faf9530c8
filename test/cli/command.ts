import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { CommandProcess, commandEnvironment } from './command-process.js';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
const FIXTURE = join(PROJECT, 'test/fixtures/node-001.db');

/** What a process did. */
export interface Outcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The path of the command line as the package ships it. */
export const CLI = inject('cli');

/**
 * Runs the real command line. With variables of the call's own it is a process of its own, without them
 * one that has run others before: most of a command's time goes into starting.
 * `HOME` and the variables that it reads are only those given.
 */
export async function pylonDb(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  folder = PROJECT,
): Promise<Outcome> {
  const isOfItsOwn = Object.keys(env).length > 0;
  // A process imports the same file once, and a test may have written another one there.
  if (isOfItsOwn || args.includes('--migrations')) return await freshPylonDb(args, env, folder);
  return await CommandProcess.run({ program: CLI, args, folder });
}

/** Like {@link pylonDb}, always in a process of its own, for tests of the process itself. */
export async function freshPylonDb(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  folder = PROJECT,
): Promise<Outcome> {
  return await runNode([CLI, ...args], env, folder);
}

/** Like {@link pylonDb}, from the sources, where TypeScript can be imported. */
export async function pylonDbUnderTsx(args: readonly string[]): Promise<Outcome> {
  return await runNode(['--import', 'tsx', 'src/cli/main.ts', ...args], {});
}

async function runNode(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  folder = PROJECT,
): Promise<Outcome> {
  const child = spawn('node', args, { cwd: folder, env: commandEnvironment(env) });
  const read = async (stream: typeof child.stdout): Promise<string> => {
    let text = '';
    for await (const chunk of stream.setEncoding('utf8')) text += chunk;
    return text;
  };
  const exit = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const [exitCode, stdout, stderr] = await Promise.all([
    exit,
    read(child.stdout),
    read(child.stderr),
  ]);
  return { exitCode, stdout, stderr };
}

/** Runs it with `--json` and gives its value. Throws when it fails otherwise than by `exitCode`. */
export async function json(args: readonly string[], exitCode = 0): Promise<unknown> {
  const outcome = await pylonDb([...args, '--json']);
  if (outcome.exitCode === exitCode) return JSON.parse(outcome.stdout);
  throw new Error(`exit code ${outcome.exitCode}: ${outcome.stderr}`);
}

/** A copy of the file of another implementation: only the published schema is applied. */
export function publishedFile(folder: string): string {
  const path = join(folder, 'node-001.db');
  copyFileSync(FIXTURE, path);
  // A fixture may be checked out without the right to write.
  chmodSync(path, 0o600);
  return path;
}

/** Every file below a folder with a hash of its bytes. Empty WALs and `-shm` files are not changes. */
export function contents(folder: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) {
      files[path] = 'folder';
      continue;
    }
    const bytes = readFileSync(path);
    const isEmptyWal = entry.name.endsWith('-wal') && bytes.length === 0;
    if (isEmptyWal || entry.name.endsWith('-shm')) continue;
    files[path] = createHash('sha256').update(bytes).digest('hex');
  }
  return files;
}
