import { type QueryCreator, type RawBuilder, sql } from 'kysely';
import { type DB, EARNING_SOURCES, type EarningSource } from '../../generated/db.js';
import type { ReadHandle } from '../engine/engine.js';
import { type Bound, type Params, prepared, type RawRow } from '../engine/prepared.js';
import type { Words } from '../engine/words.js';
import { PylonDbError } from '../errors.js';
import { decodeEarning, EARNING_COLUMNS, type Earning } from './earning.js';

/** What was earned: in all and by source, in millisatoshis, and in how many earnings. */
export interface Earned {
  readonly amount_msats: number;
  readonly count: number;
  readonly by_source: Record<EarningSource, number>;
}

/** What a query says of one source: the amount in two halves, and how many earnings. */
interface SourceSum {
  source: string;
  high: number;
  low: number;
  count: number;
}

/** The weight of the high half of an amount: 2^32. */
const HIGH_UNIT = 4_294_967_296;

// A sum of amounts beyond 64 bits fails in SQLite, or becomes a rounded real. So it is summed in
// halves, amount >> 32 and amount & 0xffffffff, which can't overflow below 2^31 rows. The low
// half's carry goes up before JavaScript sees it: both then fit a number exactly.
const carriedUp = (high: RawBuilder<number>, low: RawBuilder<number>) =>
  sql<number>`${high} + (${low} >> 32)`;
const carriedOff = (low: RawBuilder<number>) => sql<number>`${low} & 4294967295`;

/** An earning that must not be summed: the rollups count it as invalid. */
const isInvalid = (words: Words) =>
  sql<boolean>`(${words.isSafeInteger('amount_msats')} and source in ('job', 'tip', 'other')) is not true`;

const allTime = prepared(
  'earnings.summary',
  (db) => {
    const high = sql<number>`amount_high`;
    const low = sql<number>`amount_low`;
    return db
      .selectFrom('pylon_db_earning_totals')
      .select(['source', carriedUp(high, low).as('high'), carriedOff(low).as('low'), 'count']);
  },
  (row): SourceSum => ({
    source: String(row[0]),
    high: Number(row[1]),
    low: Number(row[2]),
    count: Number(row[3]),
  }),
);

/** One source's columns. A GROUP BY would sort the whole range. */
function columnsOf(source: EarningSource) {
  const only = sql`filter (where source = ${sql.lit(source)})`;
  const half = (amount: RawBuilder<number>) =>
    // PostgreSQL sums integers to a decimal, which has no bits.
    sql<number>`cast(coalesce(sum(${amount}) ${only}, 0) as bigint)`;
  const high = half(sql`amount_msats >> 32`);
  const low = half(sql`amount_msats & 4294967295`);
  return [
    carriedUp(high, low).as(`${source}_high`),
    carriedOff(low).as(`${source}_low`),
    sql<number>`count(*) ${only}`.as(`${source}_count`),
  ];
}

/** A range of time: from `start` on to the end of time, or to `end`. */
type Bounds = 'since' | 'between';

const sums = (name: string, bounds: Bounds) =>
  prepared(
    name,
    (db: QueryCreator<DB>, p: Params<Range>, words: Words) =>
      db
        .selectFrom('earnings')
        .select(sql<number>`count(*) filter (where ${isInvalid(words)})`.as('invalid'))
        .select(EARNING_SOURCES.flatMap(columnsOf))
        .where('earned_at', '>=', p.start)
        .$if(bounds === 'between', (query) => query.where('earned_at', '<=', p.end)),
    decodeRangeSums,
  );
const sumsBetween = sums('earnings.rollup', 'between');
const sumsSince = sums('earnings.today', 'since');

function decodeRangeSums(row: RawRow): SourceSum[] {
  const [invalid = 0, ...columns] = row.map(Number);
  const sums = EARNING_SOURCES.map((source, i): SourceSum => {
    const [high = 0, low = 0, count = 0] = columns.slice(3 * i);
    return { source, high, low, count };
  });
  return [...sums, { source: 'invalid', high: 0, low: 0, count: invalid }];
}

/** One earning that can't be summed: decoding it says why. */
const invalidEarning = (name: string, bounds: Bounds | 'ever') =>
  prepared(
    name,
    (db, p: Params<Range>, words) =>
      db
        .selectFrom('earnings')
        .select(EARNING_COLUMNS)
        .$if(bounds !== 'ever', (query) => query.where('earned_at', '>=', p.start))
        .$if(bounds === 'between', (query) => query.where('earned_at', '<=', p.end))
        .where(isInvalid(words))
        .limit(1),
    decodeEarning,
  );
const invalidBetween = invalidEarning('earnings.rollup invalid', 'between');
const invalidSince = invalidEarning('earnings.today invalid', 'since');
const invalidEver = invalidEarning('earnings.summary invalid', 'ever');

const paidJobs = prepared(
  'earnings.summary jobs',
  (db) => db.selectFrom('pylon_db_paid_jobs').select('count'),
  (row) => ({ count: Number(row[0]) }),
);

/**
 * All earnings ever; costs the same at any number of them. Throws `CORRUPT_ROW` or `OUT_OF_RANGE`
 * naming an earning that can't be summed, and `OUT_OF_RANGE` for a sum beyond 2^53-1.
 */
export async function earnedEver(db: ReadHandle, operation: string): Promise<Earned> {
  return await summed(db, operation, () => db.all(operation, allTime({})), invalidEver(EVER));
}

/** Earnings from `start` to `end`, both included; throws like {@link earnedEver}. */
export async function earnedBetween(
  db: ReadHandle,
  operation: string,
  range: { readonly start: number; readonly end: number },
): Promise<Earned> {
  const ask = () => db.first(operation, sumsBetween(range));
  return await summed(db, operation, ask, invalidBetween(range));
}

/** Earnings from `start` on, the future included; throws like {@link earnedEver}. */
export async function earnedSince(
  db: ReadHandle,
  operation: string,
  start: number,
): Promise<Earned> {
  const range = { ...EVER, start };
  const ask = () => db.first(operation, sumsSince(range));
  return await summed(db, operation, ask, invalidSince(range));
}

/** How many jobs have an earning, of whatever source. */
export async function countPaidJobs(db: ReadHandle, operation: string): Promise<number> {
  return (await db.first(operation, paidJobs({})))?.count ?? 0;
}

type Range = { start: number; end: number };

const EVER: Range = { start: Number.MIN_SAFE_INTEGER, end: Number.MAX_SAFE_INTEGER };

async function summed(
  db: ReadHandle,
  operation: string,
  ask: () => Promise<readonly SourceSum[] | undefined>,
  invalid: Bound<Earning>,
): Promise<Earned> {
  const sums = (await ask()) ?? [];
  if (sums.some(({ source, count }) => source === 'invalid' && count > 0)) {
    await db.first(operation, invalid, 'follow-up');
    // It was mended between the two looks: the sums are others now.
    return await summed(db, operation, ask, invalid);
  }
  return addUp(operation, sums);
}

function addUp(operation: string, sums: readonly SourceSum[]): Earned {
  const of = new Map(sums.map((sum) => [sum.source, sum]));
  const by_source = { job: 0, tip: 0, other: 0 };
  const all = { high: 0, low: 0, count: 0 };
  for (const source of EARNING_SOURCES) {
    const sum = of.get(source);
    if (sum === undefined) continue;
    by_source[source] = amountOf(operation, sum);
    // Halves add up exactly where amounts, one of them lost, would pass 2^53 on the way.
    all.high += sum.high;
    all.low += sum.low;
    all.count += sum.count;
  }
  return { amount_msats: amountOf(operation, all), count: all.count, by_source };
}

function amountOf(
  operation: string,
  { high, low }: { readonly high: number; readonly low: number },
): number {
  const sum = high * HIGH_UNIT + low;
  if (Number.isSafeInteger(sum)) return sum;
  throw new PylonDbError(
    'OUT_OF_RANGE',
    'the earnings add up to more than 2^53-1 msats',
    { table: 'earnings', column: 'amount_msats' },
    {
      operation,
      hint: 'Sum a shorter range, or look for a wrong amount with db.earnings.inRange.',
    },
  );
}
