import { spawn } from 'node:child_process';
import { once } from 'node:events';
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
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { valueOutside } from '../engine/outside.js';
import { backup, database, longDatabase } from './backed-up.js';
import { CLI, pylonDb } from './command.js';

const jobs = (path: string) => Number(valueOutside(path, 'select count(*) from jobs'));
const safetyCopyOf = (path: string) =>
  readdirSync(dirname(path)).find((name) => /\.before-restore-\w+$/.test(name));

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

/** Restores, and sends a signal once `sign` shows. */
async function stopped(path: string, copy: string, sign: () => boolean, signal: NodeJS.Signals) {
  const run = spawn(process.execPath, [CLI, 'restore', copy, '--db', path], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  run.stderr.on('data', (data) => {
    stderr += String(data);
  });
  const ended = once(run, 'close');
  while (run.exitCode === null && !sign()) await sleep(1);
  // Ctrl-C and a killed machine reach the child too.
  process.kill(signal === 'SIGTERM' ? Number(run.pid) : -Number(run.pid), signal);
  await ended;
  return { exitCode: run.exitCode, stderr };
}

/** Whether the swap is done: its journal is gone, and the schema's number another. */
function swapped(path: string): () => boolean {
  const before = cookie(path);
  return () => !existsSync(`${path}-journal`) && cookie(path) !== before;
}

describe.each(['SIGINT', 'SIGTERM'] as const)('a restore that %s stops', (signal) => {
  it('after the swap says that the restored data stands, and where the old is', async () => {
    const { path, copy } = await withLargeBackup();
    const { exitCode, stderr } = await stopped(path, copy, swapped(path), signal);
    const safety = join(dirname(path), String(safetyCopyOf(path)));
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^What is there is kept as /);
    expect(stderr).toContain(`${path} holds the restored data`);
    expect(stderr).toContain(`What was there before is ${safety}`);
    expect(stderr).not.toMatch(/again/);
    expect([jobs(path), jobs(safety)]).toEqual([20_002, 2]);
  });

  it('before the swap says that the old data stands', async () => {
    const { path, copy } = await withLargeBackup();
    const saving = () => readdirSync(dirname(path)).some((name) => name.includes('before-restore'));
    const { exitCode, stderr } = await stopped(path, copy, saving, signal);
    const [stands] = [jobs(path)];
    expect(exitCode).toBe(1);
    // The signal may come after the swap: whatever it says must be what stands.
    expect(stderr).toContain(
      stands === 2 ? `${path} holds what it held before` : `${path} holds the restored data`,
    );
  });
});

it('killed after the swap, it has left a record of where the old data is', async () => {
  const { path, copy } = await withLargeBackup();
  await stopped(path, copy, swapped(path), 'SIGKILL');
  const safety_copy = join(dirname(path), String(safetyCopyOf(path)));
  expect(JSON.parse(readFileSync(`${path}.restore.json`, 'utf8'))).toMatchObject({
    outcome: 'interrupted',
    safety_copy,
  });
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
