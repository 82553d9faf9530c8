import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { valueOutside } from '../engine/outside.js';
import { migratedFile } from '../migrated-file.js';
import { Program } from './program.js';
import { reported } from './table.js';

/** Ticks of each writer: all pages that they write are ten times what the WAL may hold. */
const TICKS = 12_000;
const WRITERS = 2;

/** Four times the pages from which on a commit makes a checkpoint (`wal_autocheckpoint`). */
const MOST_BYTES = 4 * 4000 * 4096;

/** How often the WAL's size is looked at, in milliseconds; it only shrinks above 32 MB. */
const LOOK_MS = 2;

const worker = new Program(join(import.meta.dirname, 'wal-growth-worker.ts'));

it('the WAL stays small while processes write and read all the time', async () => {
  const path = migratedFile();
  const reader = await worker.start([path, 'reader']);
  const writers = await Promise.all(
    Array.from({ length: WRITERS }, (_, i) => worker.start([path, `agent ${i}`, TICKS])),
  );
  const ended = Promise.all(writers.map((writer) => writer.ended));
  const largest = await largestWal(path, ended);
  expect((await ended).map(({ exitCode, stderr }) => ({ exitCode, stderr }))).toEqual(
    writers.map(() => ({ exitCode: 0, stderr: '' })),
  );
  expect((await reader.kill()).stderr).toBe('');

  expect(valueOutside(path, 'select count(*) from tick_history')).toBe(WRITERS * TICKS);
  expect(largest).toBeLessThanOrEqual(MOST_BYTES);
  reported('the WAL under writers and readers', {
    tried: `${WRITERS} processes × ${TICKS.toLocaleString('en')} ticks, next to one that reads all the time`,
    figure: `WAL ${Math.round(largest / 1024 / 1024)} MB at the most`,
  });
});

async function largestWal(path: string, until: Promise<unknown>): Promise<number> {
  let isOver = false;
  void until.then(() => {
    isOver = true;
  });
  let largest = 0;
  while (!isOver) {
    largest = Math.max(largest, statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0);
    await sleep(LOOK_MS);
  }
  return largest;
}
