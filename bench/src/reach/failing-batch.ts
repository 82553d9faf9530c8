import type { Contestant } from '../contestant.js';
import { pylonDb } from '../contestants/index.js';
import type { Context } from '../context.js';
import { type Goal, inRows } from '../goals.js';
import { CLOCK, ratio, rotated, type Turn, timed } from '../measure.js';
import { Runner } from '../runner.js';

const ROWS = 10_000;
const UNITS = 1000;

/** One unit in so many fails. */
const FAILS_EVERY = 100;

type Unit = (contestant: Contestant) => Promise<unknown>;

/** A batch in which one unit in a hundred fails, to a clean one of the same length. */
export async function failingBatch({ options, datasets, progress }: Context): Promise<Goal[]> {
  progress('batches with failing units');
  const runner = await Runner.open(datasets, pylonDb, ROWS);
  const { contestant, workload } = runner;

  const ticks = (fails: boolean) =>
    units(fails, () => {
      const { npub, tick } = workload.newTick();
      return { good: (c) => c.recordTick(npub, tick), bad: (c) => c.recordTick('npub0', tick) };
    });
  const inserts = (fails: boolean) =>
    units(fails, () => {
      const job = workload.newJob();
      const known = workload.knownJob();
      return { good: (c) => c.insertJob(job), bad: (c) => c.insertJob({ ...job, id: known }) };
    });

  const goals: Goal[] = [];
  for (const [what, batch] of [
    ['1,000 ticks, 1 % of unknown agents', ticks],
    ['1,000 inserts, 1 % of known ids', inserts],
  ] as const) {
    const turns = { clean: [] as Turn[], failing: [] as Turn[] };
    await run(contestant, batch(false), 0);
    await run(contestant, batch(true), UNITS / FAILS_EVERY);
    for (let round = 0; round < options.effort.rounds; round++) {
      for (const kind of rotated(['clean', 'failing'] as const, round)) {
        const list = batch(kind === 'failing');
        const fails = kind === 'failing' ? UNITS / FAILS_EVERY : 0;
        runner.checkpoint();
        turns[kind].push(await timed(UNITS, () => run(contestant, list, fails)));
      }
    }
    goals.push({
      what: `batch of ${what}`,
      to: 'a clean batch',
      limit: 1.15,
      unit: 'times',
      value: ratio(turns.failing, turns.clean, CLOCK),
      on: inRows(ROWS),
    });
  }
  await runner.close();
  return goals;
}

function units(fails: boolean, next: () => { good: Unit; bad: Unit }): Unit[] {
  return Array.from({ length: UNITS }, (_, i) => {
    const { good, bad } = next();
    return fails && i % FAILS_EVERY === FAILS_EVERY >> 1 ? bad : good;
  });
}

async function run(contestant: Contestant, list: readonly Unit[], fails: number): Promise<void> {
  const settled = await Promise.allSettled(list.map((unit) => unit(contestant)));
  const rejected = settled.filter(({ status }) => status === 'rejected').length;
  if (rejected !== fails) throw new Error(`${rejected} units failed, not ${fails}`);
}
