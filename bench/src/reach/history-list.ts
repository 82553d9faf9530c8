import { original, pylonDb } from '../contestants/index.js';
import type { Context } from '../context.js';
import { type Goal, inRows } from '../goals.js';
import { CLOCK, measure, ratio } from '../measure.js';
import { operations } from '../operations.js';
import { Runner } from '../runner.js';

/** The number of jobs that the goal names; a quick run makes do with fewer. */
const ROWS = 200_000;
const QUICK_ROWS = 100_000;

/** A list of 100 to the original's, which sorts the history. */
export async function historyList({ options, datasets, progress }: Context): Promise<Goal[]> {
  const rows = options.quick ? QUICK_ROWS : ROWS;
  progress(`list at ${inRows(rows)}`);
  const runners: Runner[] = [];
  for (const entry of [pylonDb, original]) {
    runners.push(await Runner.open(datasets, entry, rows));
  }
  const list = operations.filter(({ name }) => name === 'list');
  const goals: Goal[] = [];
  for (const operation of list) {
    const turns = await measure(operation, runners, options.effort);
    goals.push({
      what: 'list of 100',
      to: original.name,
      limit: 0.02,
      unit: 'times',
      value: ratio(turns.get(pylonDb.name) ?? [], turns.get(original.name) ?? [], CLOCK),
      on: inRows(rows),
    });
  }
  for (const runner of runners) await runner.close();
  return goals;
}
