import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Progress } from '../../src/backup/progress.js';
import { assertRoom } from '../../src/cli/vacuum/disk-space.js';
import { runVacuum } from '../../src/cli/vacuum/file.js';
import { isPylonDbError } from '../../src/errors.js';
import { failureOf, rejection } from '../engine/failure.js';
import { stored } from '../file.js';
import { temporaryFolder } from '../temporary.js';
import { vacuumable, valuesOf } from './vacuumable.js';

/** Rounds of kills; more on request, e.g. PYLON_DB_KILLS=100. */
const KILLS = Number(process.env['PYLON_DB_KILLS'] ?? 8);

const quiet = { busyTimeoutMs: 5000, onProgress: () => {} };

describe('a vacuum that is killed', () => {
  it('leaves a whole file with the same rows, and nothing else', async () => {
    const folder = temporaryFolder();
    const { path, rows } = await vacuumable(folder, 12_000);
    const seed = Math.floor(Math.random() * 2 ** 31);
    let aborted = 0;
    for (let i = 0; i < KILLS; i++) {
      const stop = new AbortController();
      // From each step on, a little later each time: SIGKILL to the process that works.
      const delayMs = ((seed + i * 7919) % 60) / 2;
      const onProgress = () => void setTimeout(() => stop.abort(), delayMs);
      const vacuum = runVacuum(path, { busyTimeoutMs: 5000, onProgress, signal: stop.signal });
      const outcome = await vacuum.catch((error: unknown) => error);
      if (isPylonDbError(outcome, 'ABORTED')) aborted += 1;
      expect(stored(path, 'pragma integrity_check'), `seed ${seed}, kill ${i}`).toEqual([
        { integrity_check: 'ok' },
      ]);
      expect(valuesOf(path), `seed ${seed}, kill ${i}, ${outcome}`).toEqual(rows);
      expect(readdirSync(folder).filter((name) => !/^pylon\.db(-wal|-shm)?$/.test(name))).toEqual(
        [],
      );
    }
    // Else all were through before they were killed, and this test shows nothing.
    expect(aborted).toBeGreaterThan(0);
    // And the next one does its work.
    const { after } = await runVacuum(path, quiet);
    expect(after.file_bytes).toBeLessThan(10_000_000);
    expect(valuesOf(path)).toEqual(rows);
  });

  it('throws ABORTED for a signal that fired, before and while it works', async () => {
    const { path, rows } = await vacuumable(temporaryFolder(), 3000);
    const before = runVacuum(path, { ...quiet, signal: AbortSignal.abort() });
    await failureOf(before, 'ABORTED');
    const stop = new AbortController();
    const onProgress = () => stop.abort();
    await failureOf(runVacuum(path, { ...quiet, onProgress, signal: stop.signal }), 'ABORTED');
    expect(valuesOf(path)).toEqual(rows);
  });
});

describe('progress', () => {
  it('reports the steps in order, each from 0, within its total', async () => {
    // 40 MB: long enough to be looked at while it works.
    const { path } = await vacuumable(temporaryFolder(), 60_000);
    const reported: Progress[] = [];
    await runVacuum(path, { ...quiet, onProgress: (progress) => reported.push(progress) });
    const steps = [...new Set(reported.map(({ step }) => step))];
    expect(steps).toEqual(['analyzing', 'vacuuming', 'emptying WAL']);
    for (const step of steps) expect(reported.find((one) => one.step === step)?.done).toBe(0);
    for (const { done, total } of reported) expect(done).toBeLessThanOrEqual(total);
    const vacuuming = reported.filter(({ step }) => step === 'vacuuming').map(({ done }) => done);
    expect(vacuuming).toEqual([...vacuuming].sort((a, b) => a - b));
    expect(vacuuming.at(-1)).toBeGreaterThan(1_000_000);
  });

  it('ends the vacuum with what a listener throws', async () => {
    const { path, rows } = await vacuumable(temporaryFolder(), 3000);
    const broken = new Error('broken listener');
    const onProgress = () => {
      throw broken;
    };
    expect(await rejection(runVacuum(path, { ...quiet, onProgress }))).toBe(broken);
    expect(valuesOf(path)).toEqual(rows);
  });
});

describe('room on the disk', () => {
  it('is asked for with both figures', () => {
    const folder = temporaryFolder();
    expect(() => assertRoom(folder, 2 ** 60)).toThrow(
      expect.objectContaining({
        code: 'DISK_FULL',
        message: expect.stringMatching(
          /^it needs [\d,.]+ TiB free on the disk of .*, and there are [\d,.]+ [KMGT]iB$/,
        ),
      }),
    );
    expect(() => assertRoom(folder, 0)).not.toThrow();
  });
});
