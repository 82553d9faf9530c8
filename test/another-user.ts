import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { CLI } from './cli/command.js';
import { temporaryFolder } from './temporary.js';

/** Nobody in particular. */
export const USER = 12_345;

/** Runs the command line as {@link USER}. */
export function pylonDbAsUser(...args: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [CLI, ...args], {
    uid: USER,
    gid: USER,
    cwd: '/',
    encoding: 'utf8',
    env: { HOME: '/nonexistent' },
  });
}

/** Skips a test, saying why, where the command can't be run as another user. */
export function needsAnotherUser({ skip }: TestContext): void {
  if (process.geteuid?.() !== 0) skip('only root may run a command as another user');
  const { status } = pylonDbAsUser('--version');
  if (status !== 0) skip('another user may not read the project, to run the command');
}

/** A fresh folder that {@link USER} may look into, and owns unless it is `of` somebody else. */
export function homeOf(of = USER): string {
  const folder = temporaryFolder();
  chmodSync(folder, 0o755);
  chownSync(folder, of, of);
  return folder;
}

/** Gives a folder with all in it to a user. */
export function give(folder: string, to = USER): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    chownSync(join(folder, name), to, to);
  }
  chownSync(folder, to, to);
}
