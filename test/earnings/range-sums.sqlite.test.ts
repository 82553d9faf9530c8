import Database from 'better-sqlite3';
import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { expect, it, onTestFinished } from 'vitest';
import { type BucketWidth, type EarningsBucket, isPylonDbError, PylonDb } from '../../src/index.js';
import { testFile } from '../file.js';
import { allowAnyValue, earningWriteAt, tryToWrite } from '../migrate/foreign-writes.js';

const SEED = Number(process.env['PYLON_FUZZ_SEED'] ?? Date.now() % 2 ** 31);

/** Monrovia's clock was 44:30 behind UTC until 1972; before time zones every city had such a clock. */
const ZONES = [
  ...['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Asia/Kathmandu'],
  ...['Australia/Lord_Howe', 'Africa/Monrovia'],
];

const at = (iso: string) => Date.parse(iso) / 1000;

/** Around clock changes, around the end of Monrovia's, and where cities still had their own time. */
const DAYS = [
  ...['2026-03-29T00:00Z', '2026-03-08T06:00Z', '2026-04-04T14:00Z', '2026-11-01T05:00Z'],
  ...['1972-01-07T00:00Z', '1970-01-01T00:00Z'],
].map(at);

/** Few minutes and seconds, so that earnings meet the borders of quarters. */
const around = (day: number) =>
  fc
    .tuple(fc.integer({ min: -30, max: 30 }), fc.constantFrom(0, 899, 900, 1799, 2700, 3599, 870))
    .map(([hour, second]) => Math.max(0, day + hour * 3600 + second));

const walk = fc.constantFrom(...DAYS).chain((day) =>
  fc.record({
    times: fc.array(around(day), { minLength: 4, maxLength: 8 }),
    asks: fc.array(
      fc.record({
        by: fc.constantFrom<BucketWidth>('hour', 'day', 'week', 'month'),
        timeZone: fc.constantFrom(...ZONES),
        range: fc.tuple(around(day), around(day)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)]),
        now: around(day),
      }),
      { minLength: 6, maxLength: 6 },
    ),
  }),
);

interface Row {
  readonly id: unknown;
  readonly amount_msats: unknown;
  readonly source: unknown;
  readonly earned_at: unknown;
}

const fits = (sum: bigint) => sum < 2n ** 53n && sum > -(2n ** 53n);

const isSafe = (value: unknown) => typeof value === 'bigint' && fits(value);

const isSummed = ({ amount_msats, source, earned_at }: Row) =>
  isSafe(amount_msats) &&
  isSafe(earned_at) &&
  ['job', 'tip', 'other'].includes(String(source)) &&
  typeof source === 'string';

/** The rows from `start` to before `stop` as SQLite sorts them; without `stop`, what is not a number too. */
function rowsBetween(file: Database.Database, start: number, stop?: number): Row[] {
  const rows = file.prepare<[], Row>('select id, amount_msats, source, earned_at from earnings');
  return rows
    .safeIntegers()
    .all()
    .filter(({ earned_at: time }) =>
      typeof time === 'bigint' || typeof time === 'number'
        ? time >= start && (stop === undefined || time < stop)
        : stop === undefined,
    );
}

/** What the rows add up to by source, each as a bigint. */
function plainSums(rows: readonly Row[]) {
  const by_source = { job: 0n, tip: 0n, other: 0n };
  for (const { source, amount_msats } of rows) {
    if (source !== 'job' && source !== 'tip' && source !== 'other') continue;
    if (typeof amount_msats === 'bigint') by_source[source] += amount_msats;
  }
  return { by_source, count: rows.length };
}

/** Compares what a call gave with the rows of each of its buckets. */
function expectPlainSums(given: unknown, buckets: readonly (readonly Row[])[], step: string): void {
  const bad = buckets.flat().filter((row) => !isSummed(row));
  const sums = buckets.map(plainSums);
  const totals = sums.map(({ by_source: { job, tip, other } }) => job + tip + other);
  if (bad.length > 0) {
    const known = isPylonDbError(given, 'CORRUPT_ROW') || isPylonDbError(given, 'OUT_OF_RANGE');
    expect(known ? given.key : given, step).toBeOneOf(
      bad.map(({ id }) => (id === null ? 'NULL' : String(id))),
    );
  } else if (![...totals, ...sums.flatMap((s) => Object.values(s.by_source))].every(fits)) {
    expect(isPylonDbError(given, 'OUT_OF_RANGE'), step).toBe(true);
  } else {
    expect(given, step).toEqual(
      sums.map(({ by_source: { job, tip, other }, count }, i) => ({
        amount_msats: Number(totals[i]),
        count,
        by_source: { job: Number(job), tip: Number(tip), other: Number(other) },
      })),
    );
  }
}

/** The same of a call that gives an amount alone. */
function expectPlainSum(given: unknown, rows: readonly Row[], step: string): void {
  const {
    by_source: { job, tip, other },
    count,
  } = plainSums(rows);
  const by_source = { job: Number(job), tip: Number(tip), other: Number(other) };
  const isAmount = typeof given === 'number';
  expectPlainSums(isAmount ? [{ amount_msats: given, count, by_source }] : given, [rows], step);
}

const withoutStart = (buckets: readonly EarningsBucket[]) =>
  buckets.map(({ bucket_start: _, ...earned }) => earned);

async function outcome<Answer>(call: Promise<Answer>): Promise<unknown> {
  return await call.catch((error: unknown) => error);
}

it.each([
  ['triggers keep', false],
  ['nothing keeps', true],
])('rollup and today equal the plain sum of rows where %s the hours', async (_, readonly) => {
  let now = 0;
  const { path, db: writer, open } = await testFile();
  // Where buckets begin is the calendar's, which has tests of its own.
  const empty = await PylonDb.openInMemory();
  const outside = new Database(path);
  outside.pragma('synchronous = off');
  allowAnyValue(outside);
  if (readonly) {
    // It would make the trigger again.
    await writer.close();
    outside.exec('drop trigger pylon_db_earnings_after_insert');
  }
  const db = await open({ readonly, clock: () => now });
  onTestFinished(async () => {
    outside.close();
    await empty.close();
  });
  await fc.assert(
    fc.asyncProperty(walk, fc.integer(), async ({ times, asks }, seed) => {
      const step = `seed ${SEED}, ${JSON.stringify({ times, asks, seed })}`;
      outside.exec('delete from earnings');
      const writes = fc.sample(earningWriteAt(times.map(String)), { numRuns: 40, seed });
      for (const [i, write] of writes.entries()) {
        tryToWrite(outside, write);
        const earned_at = times[i % times.length] ?? 0;
        if (i % 4 !== 0) continue;
        await outcome(
          (readonly ? db : writer).earnings.record({
            id: `own-${i}`,
            amount_msats: i,
            source: 'other',
            earned_at,
          }),
        );
      }
      for (const { by, timeZone, range, now: clock } of asks) {
        const [start = 0, end = 0] = range;
        const given = await outcome(db.earnings.rollup({ by, timeZone, start, end }));
        const edges = await empty.earnings.rollup({ by, timeZone, start, end });
        const buckets = edges.map(({ bucket_start }, i) => {
          const stop = edges[i + 1]?.bucket_start ?? end + 1;
          return rowsBetween(outside, Math.max(bucket_start, start), stop);
        });
        expectPlainSums(
          Array.isArray(given) ? withoutStart(given) : given,
          buckets,
          `${step} ${by} ${timeZone} ${range}`,
        );
        now = clock;
        const instant = Temporal.Instant.fromEpochMilliseconds(now * 1000);
        const midnight = instant.toZonedDateTimeISO(timeZone).startOfDay().epochMilliseconds / 1000;
        const rows = rowsBetween(outside, midnight);
        const today = await outcome(db.earnings.today({ timeZone }));
        expectPlainSum(today, rows, `${step} today ${timeZone} ${now}`);
      }
    }),
    { numRuns: 40, seed: SEED },
  );
});
