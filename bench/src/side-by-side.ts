import { entries, mainEntries, peers } from './contestants/index.js';
import type { Context } from './context.js';
import { measure, type Turns } from './measure.js';
import { type Operation, operations } from './operations.js';
import { copyOf, type DatabaseCopy, Runner } from './runner.js';
import { verifyReads } from './verify.js';

/** One operation at one number of rows, by contestant. */
export interface Measured {
  readonly operation: Operation;
  readonly rows: number;
  readonly turns: ReadonlyMap<string, Turns>;
}

/** From so many rows on, the peers share one file: a copy for each would fill the memory. */
const SHARED_FROM_ROWS = 1_000_000;

/** Beyond so many rows most peers stay away, for the same reason. */
const MOST_ROWS_FOR_ALL = 1_000_000;

/** Measures all wanted operations with all contestants at one number of rows. */
export async function measureScale(context: Context, rows: number): Promise<Measured[]> {
  const { options, progress } = context;
  const wanted = operations.filter(({ name }) => options.wants(name));
  if (wanted.length === 0) return [];
  progress(`${rows.toLocaleString('en')} rows: making the databases`);
  const runners = await openAll(context, rows);
  try {
    await verifyReads(runners, operations, rows);
    const measured: Measured[] = [];
    for (const operation of wanted) {
      progress(`${rows.toLocaleString('en')} rows: ${operation.title}`);
      measured.push({ operation, rows, turns: await measure(operation, runners, options.effort) });
    }
    return measured;
  } finally {
    for (const runner of runners) await runner.close();
  }
}

async function openAll({ datasets }: Context, rows: number): Promise<Runner[]> {
  const runners: Runner[] = [];
  let shared: DatabaseCopy | undefined;
  for (const entry of rows > MOST_ROWS_FOR_ALL ? mainEntries : entries) {
    const isShared = rows >= SHARED_FROM_ROWS && peers.includes(entry);
    if (isShared) shared ??= await copyOf(datasets, entry, rows);
    runners.push(await Runner.open(datasets, entry, rows, isShared ? shared : undefined));
  }
  return runners;
}
