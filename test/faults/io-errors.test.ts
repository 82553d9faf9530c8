import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { built } from '../backup/built.js';
import { temporaryFolder } from '../temporary.js';
import { createControl } from './failing-calls.js';
import { buildPreload, failing } from './failing-preload.js';
import { Run } from './program.js';
import { fuzzSeed } from './random.js';
import { reported } from './table.js';

const preload = buildPreload();
const sweep = built(join(import.meta.dirname, 'io-errors-sweep.ts'));

/** Chooses which of the later calls fail. */
const SEED = fuzzSeed();

const OPERATIONS = [
  'commit',
  'checkpoint',
  'vacuum',
  'check --repair',
  'snapshot',
  'backup',
  'restore',
];

interface Found {
  readonly runs: number;
  readonly ends: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

/** Runs one sweep on a folder of its own. */
async function sweepOf(operation: string, folder: string): Promise<Found> {
  const control = join(folder, 'control');
  createControl(control);
  const [program = ''] = await sweep;
  const [file = '', ...args] = [...failing(preload, control), process.execPath, program];
  const run = new Run(spawn(file, [...args, folder, control, operation, String(SEED)]));
  const { lines, stderr } = await run.ended;
  expect(lines, stderr).toHaveLength(1);
  return JSON.parse(lines[0] ?? '');
}

// Skipped where no C compiler is: there no call of the system can be made to fail.
it.skipIf(preload === undefined)(
  `nothing acknowledged is lost and nothing refused stored, whichever call of the system fails (seed ${SEED})`,
  async () => {
    const folders = OPERATIONS.map(temporaryFolder);
    const found = await Promise.all(
      OPERATIONS.map((operation, i) => sweepOf(operation, folders[i] ?? '')),
    );
    for (const [i, operation] of OPERATIONS.entries()) {
      const { runs = 0, ends = {}, problems = ['did not run'] } = found[i] ?? {};
      expect({ operation, problems }).toEqual({ operation, problems: [] });
      expect(runs).toBeGreaterThan(5);
      const counted = Object.entries(ends).map(([end, count]) => `${count} × ${end}`);
      reported(`I/O errors: ${operation}`, {
        tried: `${runs} times another call of the system fails, or all from it on`,
        figure: `${counted.join(', ')}; whole or absent after a crash too, alive afterwards`,
      });
    }
  },
);
