import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { valueOutside } from '../engine/outside.js';
import { backup, database, longDatabase } from './backed-up.js';
import { pylonDb } from './command.js';
import { type Interrupted, interrupted, met } from './interrupted.js';

const jobs = (path: string) => Number(valueOutside(path, 'select count(*) from jobs'));
const safetyCopyOf = (path: string, name = /\.before-restore-\w+$/) =>
  readdirSync(dirname(path)).find((file) => name.test(file));

/** The number of the schema in the header, which the swap counts on. */
function cookie(path: string): string {
  const file = openSync(path, 'r');
  const bytes = Buffer.alloc(4);
  readSync(file, bytes, 0, 4, 40);
  closeSync(file);
  return bytes.toString('hex');
}

/** A database of two jobs, and a backup of it from when it had 20,002. */
async function withLargeBackup() {
  const large = await longDatabase();
  const copy = join(dirname(large), 'copy.db');
  expect((await pylonDb(['backup', copy, '--db', large])).exitCode).toBe(0);
  return { path: await database(), copy };
}

function recordOf(path: string): { outcome?: string; safety_copy?: string } | undefined {
  const record = `${path}.restore.json`;
  return existsSync(record) ? JSON.parse(readFileSync(record, 'utf8')) : undefined;
}

/** Restores until a signal met it after `sign` showed. */
async function stopped(
  sign: (path: string) => () => boolean,
  signal: NodeJS.Signals,
): Promise<Interrupted & { readonly path: string }> {
  return await met(async () => {
    const { path, copy } = await withLargeBackup();
    const args = ['restore', copy, '--db', path];
    const to = signal === 'SIGTERM' ? 'the command' : 'its group';
    const ended = await interrupted(args, sign(path), [signal, to]);
    const isOver = recordOf(path)?.outcome === 'restored';
    return isOver ? undefined : ended && { path, ...ended };
  });
}

/** Whether the swap is done: its journal is gone, and the schema's number another. */
function swapped(path: string): () => boolean {
  const before = cookie(path);
  return () => !existsSync(`${path}-journal`) && cookie(path) !== before;
}

describe.each(['SIGINT', 'SIGTERM'] as const)('a restore that %s stops', (signal) => {
  it('after the swap says that the restored data stands, and where the old is', async () => {
    const { path, exitCode, stderr } = await stopped(swapped, signal);
    const safety = join(dirname(path), String(safetyCopyOf(path)));
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^What is there is kept as /);
    expect(stderr).toContain(`${path} holds the restored data`);
    expect(stderr).toContain(`What was there before is ${safety}`);
    expect(stderr).not.toMatch(/again/);
    expect([jobs(path), jobs(safety)]).toEqual([20_002, 2]);
  });

  it('before the swap says that the old data stands', async () => {
    const saving = (path: string) => () => safetyCopyOf(path, /before-restore/) !== undefined;
    const { path, exitCode, stderr } = await stopped(saving, signal);
    const [stands] = [jobs(path)];
    expect(exitCode).toBe(1);
    // The signal may come after the swap: whatever it says must be what stands.
    expect(stderr).toContain(
      stands === 2 ? `${path} holds what it held before` : `${path} holds the restored data`,
    );
  });
});

it('killed after the swap, it has left a record of where the old data is', async () => {
  const { path } = await stopped(swapped, 'SIGKILL');
  const safety_copy = join(dirname(path), String(safetyCopyOf(path)));
  expect(recordOf(path)).toMatchObject({ outcome: 'interrupted', safety_copy });
  expect([jobs(path), jobs(safety_copy)]).toEqual([20_002, 2]);
});

it('failing after the swap says that the restored data stands, and where the old is', async () => {
  const [path, copy] = [await database(), await backup()];
  // What the manifest of the safety copy would be called, for some minutes to come.
  for (let s = 0; s < 300; s++) {
    const stamp = new Date(Date.now() + s * 1000).toISOString().replace(/[-:]|\.\d+/g, '');
    writeFileSync(`${path}.before-restore-${stamp}.json`, '');
  }
  const { exitCode, stdout, stderr } = await pylonDb(['restore', copy, '--db', path]);
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
  expect(stderr).toContain(`${path} holds the restored data`);
  const safety = join(dirname(path), String(safetyCopyOf(path)));
  expect(stderr).toContain(`What was there before is ${safety}`);
  expect(stderr).not.toMatch(/again|Nothing was changed/);
  expect([jobs(path), jobs(safety)]).toEqual([2, 2]);
});
