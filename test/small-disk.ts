import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { temporaryFolder } from './temporary.js';

/** Why a test of a small disk is left out. */
export const NO_TMPFS = 'no tmpfs may be mounted here';

/** A file system of its own with so many bytes, where one may be mounted. */
export function smallDisk(bytes: number): string | undefined {
  const folder = temporaryFolder();
  const mount = ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder];
  if (spawnSync('mount', mount).status !== 0) return undefined;
  onTestFinished(() => void spawnSync('umount', ['-l', folder]));
  return folder;
}

/** Writes a file until there is no room. */
export function fill(folder: string): void {
  const file = openSync(join(folder, 'ballast'), 'a');
  try {
    for (;;) writeSync(file, Buffer.alloc(4096));
  } catch (error) {
    if (Object(error).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
}

/** Whether a disk may only be read from now on. */
export function mountReadOnly(disk: string, readonly: boolean): void {
  const { status, stderr } = spawnSync('mount', ['-o', `remount,${readonly ? 'ro' : 'rw'}`, disk]);
  if (status !== 0) throw new Error(String(stderr));
}
