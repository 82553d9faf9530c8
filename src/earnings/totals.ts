import { type QueryCreator, sql } from 'kysely';
import { type DB, EARNING_SOURCES, type EarningSource } from '../../generated/db.js';
import type { ReadHandle } from '../engine/engine.js';
import type { RawRow } from '../engine/prepared.js';
import { type Params, prepared } from '../engine/prepared.js';
import { PylonDbError } from '../errors.js';
import { decodeEarning, EARNING_COLUMNS } from './earning.js';

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
const carried = (high: string, low: string) => ({
  high: sql<number>`${sql.ref(high)} + (${sql.ref(low)} >> 32)`.as('high'),
  low: sql<number>`${sql.ref(low)} & 4294967295`.as('low'),
});
const amountHigh = sql<number>`sum(amount_msats >> 32)`.as('amount_high');
const amountLow = sql<number>`sum(amount_msats & 4294967295)`.as('amount_low');

/** The rollup row of an earning: its source, or 'invalid' for one that must not be summed. */
const bucket = sql<string>`case when typeof(amount_msats) = 'integer'
  and amount_msats between -9007199254740991 and 9007199254740991
  and source in ('job', 'tip', 'other') then source else 'invalid' end`;

const decodeSum = (row: RawRow): SourceSum => ({
  source: String(row[0]),
  high: Number(row[1]),
  low: Number(row[2]),
  count: Number(row[3]),
});

const allTime = prepared(
  'earnings.summary',
  (db) => {
    const { high, low } = carried('amount_high', 'amount_low');
    return db.selectFrom('pylon_db_earning_totals').select(['source', high, low, 'count']);
  },
  decodeSum,
);

const inRange = prepared(
  'earnings.rollup',
  (db: QueryCreator<DB>, p: Params<{ start: number; end: number }>) => {
    const { high, low } = carried('amount_high', 'amount_low');
    return db
      .selectFrom((eb) =>
        eb
          .selectFrom('earnings')
          .select((e) => [
            bucket.as('source'),
            amountHigh,
            amountLow,
            e.fn.countAll<number>().as('count'),
          ])
          .where('earned_at', '>=', p.start)
          .where('earned_at', '<=', p.end)
          .groupBy(bucket)
          .as('sums'),
      )
      .select(['source', high, low, 'count']);
  },
  decodeSum,
);

/** One earning of the range that can't be summed: decoding it says why. */
const invalidEarning = prepared(
  'earnings invalid',
  (db, p: Params<{ start: number; end: number }>) =>
    db
      .selectFrom('earnings')
      .select(EARNING_COLUMNS)
      .where('earned_at', '>=', p.start)
      .where('earned_at', '<=', p.end)
      .where(bucket, '=', 'invalid')
      .limit(1),
  decodeEarning,
);

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
  return await summed(db, operation, await db.all(operation, allTime({})), EVER);
}

/** Earnings from `start` to `end`, both included; throws like {@link earnedEver}. */
export async function earnedInRange(
  db: ReadHandle,
  operation: string,
  range: { readonly start: number; readonly end: number },
): Promise<Earned> {
  return await summed(db, operation, await db.all(operation, inRange(range)), range);
}

/** How many jobs have an earning, of whatever source. */
export async function countPaidJobs(db: ReadHandle, operation: string): Promise<number> {
  return (await db.first(operation, paidJobs({})))?.count ?? 0;
}

const EVER = { start: Number.MIN_SAFE_INTEGER, end: Number.MAX_SAFE_INTEGER };

async function summed(
  db: ReadHandle,
  operation: string,
  sums: readonly SourceSum[],
  range: { readonly start: number; readonly end: number },
): Promise<Earned> {
  const of = new Map(sums.map((sum) => [sum.source, sum]));
  if ((of.get('invalid')?.count ?? 0) > 0) await db.first(operation, invalidEarning(range));
  const by_source = { job: 0, tip: 0, other: 0 };
  let amount_msats = 0;
  let count = 0;
  for (const source of EARNING_SOURCES) {
    const sum = of.get(source);
    if (sum === undefined) continue;
    by_source[source] = safeSum(operation, sum.high * HIGH_UNIT + sum.low);
    amount_msats = safeSum(operation, amount_msats + by_source[source]);
    count += sum.count;
  }
  return { amount_msats, count, by_source };
}

function safeSum(operation: string, sum: number): number {
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
