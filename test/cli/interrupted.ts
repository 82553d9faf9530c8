import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { CLI } from './command.js';

/** How a command ended that was signalled in the middle of its work. */
export interface Interrupted {
  /** `null` when the signal ended it. */
  readonly exitCode: number | null;
  readonly stderr: string;
}

/**
 * Starts the command in a process group of its own and signals it as soon as `isTime`; `undefined`
 * when the command was faster. Ctrl-C and the death of a machine reach its group: the child too.
 */
export async function interrupted(
  args: readonly string[],
  isTime: () => boolean,
  [signal, to]: readonly [signal: NodeJS.Signals, to: 'the command' | 'its group'],
  env: Readonly<Record<string, string>> = {},
): Promise<Interrupted | undefined> {
  const run = spawn(process.execPath, [CLI, ...args], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  });
  let stderr = '';
  run.stderr.on('data', (chunk: Buffer) => {
    stderr += String(chunk);
  });
  const ended = once(run, 'close');
  while (!isTime() && run.exitCode === null) await sleep(1);
  const pid = Number(run.pid);
  const isMet = run.exitCode === null && given(signal, to === 'its group' ? -pid : pid);
  await ended;
  return isMet && run.exitCode !== 0 ? { exitCode: run.exitCode, stderr } : undefined;
}

/** False when the process has ended. */
function given(signal: NodeJS.Signals, pid: number): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/**
 * What `attempt` gives, tried until it meets the moment it is after: when a signal arrives is for the
 * machine to say, and a busy one says it late.
 */
export async function met<Result>(attempt: () => Promise<Result | undefined>): Promise<Result> {
  for (;;) {
    const result = await attempt();
    if (result !== undefined) return result;
  }
}
