import Database from 'better-sqlite3';
import type { PylonDb } from '../../../src/index.js';
import { handWrittenPublished, pylonDb } from '../contestants/index.js';
import { loadPylonDb } from '../contestants/pylon-db.js';
import { SQL } from '../contestants/sql.js';
import type { Context } from '../context.js';
import type { Datasets } from '../dataset.js';
import { type Goal, inRows } from '../goals.js';
import { CLOCK, medianOf, ratio, rotated, type Turn, timed } from '../measure.js';
import { FIRST_SECOND, YEAR_SECONDS } from '../rows.js';

const DAY_SECONDS = 86_400;
const DAYS = 30;

/** The days of all earnings, and a clock that stands in the afternoon of the last. */
const MONTH = { start: FIRST_SECOND, end: FIRST_SECOND + DAYS * DAY_SECONDS - 1 };
const NOW = MONTH.end - 8 * 3600;

/** A zone of whole hours, and one of quarters. */
const ZONES = ['UTC', 'Asia/Kathmandu'] as const;

type Call = (db: PylonDb) => Promise<unknown>;

const CALLS: readonly (readonly [what: string, call: Call])[] = ZONES.flatMap((timeZone) => [
  ...(['hour', 'day', 'week'] as const).map((by): [string, Call] => [
    `earnings by ${by}, 30 days, ${timeZone}`,
    (db) => db.earnings.rollup({ by, timeZone, ...MONTH }),
  ]),
  [`earnings of today, ${timeZone}`, (db) => db.earnings.today({ timeZone })],
]);

/** What a range of earnings costs when it holds few and when it holds very many, in the same days. */
export async function earningRanges({ options, datasets, progress }: Context): Promise<Goal[]> {
  const [small = 0, large = 0] = [Math.min(...options.scales), Math.max(...options.scales)];
  if (small === large) return [];
  progress(`ranges of earnings, from ${inRows(small)} to ${inRows(large)} in ${DAYS} days`);
  const files = [await monthOf(datasets, small), await monthOf(datasets, large)];
  const { PylonDb } = await loadPylonDb();
  const [few, many] = await Promise.all(
    files.map((file) => PylonDb.open(file, { clock: () => NOW })),
  );
  if (few === undefined || many === undefined) return [];
  const goals: Goal[] = [];
  for (const [what, call] of CALLS) {
    const [before, after] = await inTurns(options.effort.rounds, [
      () => call(few),
      () => call(many),
    ]);
    goals.push({
      what: `growth: ${what}`,
      to: inRows(small),
      limit: 1.3,
      unit: 'times',
      value: ratio(after, before, CLOCK),
      on: `${inRows(large)}; ${medianOf(before, CLOCK).toFixed(0)} → ${medianOf(after, CLOCK).toFixed(0)} µs`,
    });
  }
  goals.push(await toHandWritten(files[1] ?? '', many, options.effort.rounds, large));
  await Promise.all([few.close(), many.close()]);
  for (const file of files) datasets.remove(file);
  return goals;
}

/** By day, to the same sums of the base table. */
async function toHandWritten(
  file: string,
  db: PylonDb,
  rounds: number,
  rows: number,
): Promise<Goal> {
  const hand = new Database(file, { readonly: true });
  const byDay = hand.prepare<[number, number]>(SQL.rollupDays);
  const [ours, theirs] = await inTurns(Math.min(rounds, 5), [
    () => db.earnings.rollup({ by: 'day', ...MONTH }),
    async () => byDay.all(MONTH.start, MONTH.end),
  ]);
  hand.close();
  return {
    what: 'earnings by day, 30 days',
    to: handWrittenPublished.name,
    limit: 0.02,
    unit: 'times',
    value: ratio(ours, theirs, CLOCK),
    on: inRows(rows),
  };
}

/** A file whose earnings all lie in the same month, migrated. */
async function monthOf(datasets: Datasets, rows: number): Promise<string> {
  const path = await datasets.copy(rows, 'published');
  const db = new Database(path);
  db.pragma('synchronous = off');
  db.exec(
    `update earnings set earned_at = ${FIRST_SECOND}
       + (earned_at - ${FIRST_SECOND}) * ${DAYS * DAY_SECONDS} / ${YEAR_SECONDS + DAY_SECONDS}`,
  );
  db.close();
  await (await pylonDb.open(path)).close();
  return path;
}

/** Times two kinds of work in turns. */
async function inTurns(
  rounds: number,
  work: readonly [() => Promise<unknown>, () => Promise<unknown>],
): Promise<[Turn[], Turn[]]> {
  const turns: [Turn[], Turn[]] = [[], []];
  for (const run of work) await run();
  for (let round = 0; round < rounds; round++) {
    for (const index of rotated([0, 1] as const, round)) {
      turns[index].push(await timed(CALLS_A_TURN, () => repeated(work[index])));
    }
  }
  return turns;
}

/** Enough for the clock's grain. */
const CALLS_A_TURN = 5;

async function repeated(run: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < CALLS_A_TURN; i++) await run();
}
