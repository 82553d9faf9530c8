import { spawnSync } from 'node:child_process';
import type { Context } from '../context.js';
import { type Goal, inRows } from '../goals.js';
import { CHILD, type MemoryPeaks } from './child.js';

const LIMIT_MB = 200;

/** The resident set of a process that lists, rolls up and ticks, at the largest scale of the run. */
export async function memory({ options, datasets, progress }: Context): Promise<Goal[]> {
  const rows = Math.max(...options.scales);
  progress(`memory at ${inRows(rows)}`);
  const path = await datasets.copy(rows, 'ours');
  const { status, stdout } = spawnSync(process.execPath, [CHILD, 'memory', path, String(rows)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  datasets.remove(path);
  if (status !== 0) throw new Error(`the memory measurement ended with ${status}`);
  const peaks: MemoryPeaks = JSON.parse(stdout);
  const figure = (what: string, value: number): Goal => ({
    what: `largest resident set: ${what}`,
    to: '',
    limit: LIMIT_MB,
    unit: 'MB',
    value,
    on: inRows(rows),
  });
  return [
    figure('listing', peaks.listing),
    figure('then rolling up all days', peaks.rollingUp),
    figure('then 1,000 concurrent ticks, 20 times', peaks.ticking),
  ];
}
