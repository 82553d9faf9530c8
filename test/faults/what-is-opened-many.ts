import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { OpenOptions } from '../../src/index.js';
import { Program } from './program.js';
import type { Opened } from './what-is-opened-worker.js';

const worker = new Program(join(import.meta.dirname, 'what-is-opened-worker.ts'));

/** One file may take so long, in ms, the worker's start included: far more than any needs. */
const DEADLINE_MS = 30_000;

/** What many files did to the processes that opened them. */
export interface OpenedMany {
  readonly opened: readonly Opened[];
  /** Files at which the process died, with how. */
  readonly crashed: readonly string[];
  /** Files that took longer than the deadline. */
  readonly hung: readonly string[];
}

/** Opens the files in a process of its own; goes on in a new one after a crash or a hang. */
export async function openMany(
  paths: readonly string[],
  options: OpenOptions,
  as: { readonly uid?: number } = {},
): Promise<OpenedMany> {
  const opened: Opened[] = [];
  const crashed: string[] = [];
  const hung: string[] = [];
  let left = [...paths];
  while (left.length > 0) {
    const run = await openUntilItFails(left, options, as);
    opened.push(...run.opened);
    const [stuck = ''] = left.slice(run.opened.length);
    if (run.end === 'hung') hung.push(stuck);
    else if (stuck !== '') crashed.push(`${stuck}: ${run.end}`);
    left = left.slice(run.opened.length + 1);
  }
  return { opened, crashed, hung };
}

async function openUntilItFails(
  paths: readonly string[],
  options: OpenOptions,
  { uid }: { readonly uid?: number },
): Promise<{ readonly opened: readonly Opened[]; readonly end: string }> {
  const args = [await worker.path, JSON.stringify(options), ...paths];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    complaint += text;
  });
  let isHung = false;
  const kill = () => {
    isHung = true;
    child.kill('SIGKILL');
  };
  const ended = new Promise<string>((resolve) => {
    child.on('close', (code, signal) => resolve(`${signal ?? code} ${complaint.slice(-500)}`));
  });
  let deadline = setTimeout(kill, DEADLINE_MS);
  const opened: Opened[] = [];
  for await (const line of createInterface(child.stdout)) {
    opened.push(JSON.parse(line));
    clearTimeout(deadline);
    deadline = setTimeout(kill, DEADLINE_MS);
  }
  const end = await ended;
  clearTimeout(deadline);
  return { opened, end: isHung ? 'hung' : end };
}
