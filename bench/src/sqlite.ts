import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chart } from './chart.js';
import { entries } from './contestants/index.js';
import type { Context } from './context.js';
import { Datasets } from './dataset.js';
import { type Goal, referenceScale, sideBySideGoals } from './goals.js';
import { touchMemory } from './memory.js';
import { operations } from './operations.js';
import type { Options } from './options.js';
import { durability } from './reach/durability.js';
import { earningInsert } from './reach/earning-insert.js';
import { earningRanges } from './reach/earning-ranges.js';
import { failingBatch } from './reach/failing-batch.js';
import { growth } from './reach/growth.js';
import { historyList } from './reach/history-list.js';
import { manyProcesses } from './reach/many-processes.js';
import { memory } from './reach/memory.js';
import { opening } from './reach/opening.js';
import { goalsTable, machineLine, operationsTable, type Results, toResults } from './report.js';
import { type Measured, measureScale } from './side-by-side.js';
import { verifyAll } from './verify.js';

const RESULTS = fileURLToPath(new URL('../results/', import.meta.url));
const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url));

type Sections = Readonly<Record<string, (context: Context) => Promise<Goal[]>>>;

const inThisProcess: Sections = {
  'list-200k': historyList,
  'failing-batch': failingBatch,
  durability,
  growth,
  'earning-ranges': earningRanges,
  'earning-insert': earningInsert,
};

// Before this process grows: a large one takes longer to start others.
const inOtherProcesses: Sections = { opening, memory, 'many-processes': manyProcesses };

/** What `--only` may name. */
export const sqliteNames: readonly string[] = [
  ...operations.map(({ name }) => name),
  ...Object.keys({ ...inThisProcess, ...inOtherProcesses }),
];

/** Lets all contestants take turns on SQLite files, and prints what came of it. */
export async function benchSqlite(options: Options): Promise<void> {
  const started = performance.now();
  const context: Context = {
    options,
    datasets: new Datasets(options.folder),
    progress(text) {
      const seconds = ((performance.now() - started) / 1000).toFixed(0).padStart(4);
      process.stderr.write(`${seconds} s  ${text}\n`);
    },
  };
  const processGoals = await run(inOtherProcesses, context);

  if (operations.some(({ name }) => options.wants(name))) {
    context.progress('every contestant must give and store the same');
    await verifyAll(entries, operations, context.datasets);
  }

  touchMemory();
  const measured: Measured[] = [];
  for (const rows of options.scales) measured.push(...(await measureScale(context, rows)));
  const goals = [
    ...sideBySideGoals(measured, options.scales),
    ...(await run(inThisProcess, context)),
    ...processGoals,
  ];
  print(toResults(measured, goals, options.folder), options);
}

function print(results: Results, options: Options): void {
  console.log(machineLine(results.machine));
  for (const rows of new Set(results.operations.map((each) => each.rows))) {
    console.log(`\n${operationsTable(results, rows)}`);
  }
  const goals = results.goals.filter((goal) => options.wantsAll || goal.value !== undefined);
  console.log(`\n${goalsTable(goals)}`);

  const json = `${JSON.stringify(results, null, 2)}\n`;
  const svg = chart(results, referenceScale(options.scales));
  write(RESULTS, 'latest');
  if (options.publish) write(DOCS, 'bench');

  function write(folder: string, name: string): void {
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}${name}.json`, json);
    writeFileSync(`${folder}${name}.svg`, svg);
  }
}

async function run(sections: Sections, context: Context): Promise<Goal[]> {
  const goals: Goal[] = [];
  for (const [name, section] of Object.entries(sections)) {
    if (context.options.wants(name)) goals.push(...(await section(context)));
  }
  return goals;
}
