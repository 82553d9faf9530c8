import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { openersOf } from '../../src/cli/shell/openers.js';

/**
 * Waits until the process that a command starts for its work has opened the file: then the command
 * listens for signals, however slowly it came so far.
 */
export async function atWork(command: ChildProcess, path: string): Promise<void> {
  while (command.exitCode === null) {
    const openers = await openersOf(path);
    if (openers.some(({ parent }) => parent === command.pid)) return;
    await sleep(10);
  }
}

/** Where the system doesn't say what a process uses, in ms: most often longer than it works. */
const AT_WORK_MS = 1000;

/** Looks, 50 ms apart, that must find that nothing was used. */
const LOOKS_AT_REST = 4;

/** Waits until the process that a command started for its work on the file rests: it waits then. */
export async function atRest(command: ChildProcess, path: string): Promise<void> {
  await atWork(command, path);
  const openers = await openersOf(path);
  const child = openers.find(({ parent }) => parent === command.pid)?.pid ?? 0;
  if (process.platform !== 'linux') return await sleep(AT_WORK_MS);
  let [used, looks] = [-1, 0];
  while (command.exitCode === null && looks < LOOKS_AT_REST) {
    await sleep(50);
    const now = ticksOf(child);
    looks = now === used ? looks + 1 : 0;
    used = now;
  }
}

/** The time for which a process had a processor, in hundredths of a second. */
function ticksOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [, , , , , , , , , , , user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(user) + Number(system);
}
