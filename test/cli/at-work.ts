import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { openersOf } from '../../src/ops/openers.js';

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
