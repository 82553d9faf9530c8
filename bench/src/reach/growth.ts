import { pylonDb } from '../contestants/index.js';
import type { Context } from '../context.js';
import { type Goal, inRows } from '../goals.js';
import { CLOCK, measure, medianOf, ratio } from '../measure.js';
import { operations } from '../operations.js';
import { Runner } from '../runner.js';

const LIMITS: Readonly<Record<string, number>> = {
  list: 1.2,
  counts: 1.2,
  total: 1.2,
  summary: 1.2,
  claim: 1.2,
  get: 1.6,
  history: 1.6,
  tick: 1.6,
  insert: 1.6,
};

/** How pylon-db's cost grows from the smallest scale of the run to the largest, interleaved. */
export async function growth({ options, datasets, progress }: Context): Promise<Goal[]> {
  const [small = 0, large = 0] = [Math.min(...options.scales), Math.max(...options.scales)];
  if (small === large) return [];
  progress(`growth from ${inRows(small)} to ${inRows(large)}`);
  const runners: Runner[] = [];
  for (const rows of [small, large]) {
    runners.push(await Runner.open(datasets, { ...pylonDb, name: inRows(rows) }, rows));
  }
  const goals: Goal[] = [];
  for (const operation of operations) {
    const limit = LIMITS[operation.name];
    if (limit === undefined) continue;
    const turns = await measure(operation, runners, options.effort);
    const [before = [], after = []] = [turns.get(inRows(small)), turns.get(inRows(large))];
    goals.push({
      what: `growth: ${operation.title}`,
      to: `${inRows(small)}`,
      limit,
      unit: 'times',
      value: ratio(after, before, CLOCK),
      on: `${inRows(large)}; ${medianOf(before, CLOCK).toFixed(1)} → ${medianOf(after, CLOCK).toFixed(1)} µs`,
    });
  }
  for (const runner of runners) await runner.close();
  return goals;
}
