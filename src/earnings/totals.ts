import { type ExpressionBuilder, type RawBuilder, sql } from 'kysely';
import { type DB, EARNING_SOURCES, type EarningSource } from '../../generated/db.js';
import type { ReadHandle } from '../engine/engine.js';
import { type BoundRead, type Params, prepared } from '../engine/prepared.js';
import type { SqlSyntax } from '../engine/sql-syntax.js';
import { PylonDbError } from '../errors.js';
import { PlainRows } from '../schema/plain-row.js';
import { wrongTotals } from '../schema/row.js';
import { integer, text } from '../schema/tables.js';
import { EARNING_ROWS } from './earning.js';

/** What was earned: in all and by source, in millisatoshis, and in how many earnings. */
export interface Earned {
  readonly amount_msats: number;
  readonly count: number;
  readonly by_source: Record<EarningSource, number>;
}

/** What a query says of one source: the amount in two halves, and how many earnings. */
export interface SourceSum {
  source: string;
  high: number;
  low: number;
  count: number;
}

/** What all sources earned, in two halves, and how many earnings that leaves out. */
interface Total {
  high: number;
  low: number;
  /** The amount of the source that has most, or least: rounded beyond 2^53, exact below. */
  largest: number;
  invalid: number;
}

/** The row of those that can't be summed. */
export const INVALID = 'invalid';

/** The weight of the high half of an amount: 2^32. */
const HIGH_UNIT = 4_294_967_296;

// A sum of amounts beyond 64 bits fails in SQLite, or becomes a rounded real. So it is summed in
// halves, amount >> 32 and amount & 0xffffffff, which can't overflow below 2^31 rows. The low
// half's carry goes up before JavaScript sees it: both then fit a number exactly.
export const carriedUp = (high: RawBuilder<number>, low: RawBuilder<number>) =>
  sql<number>`${high} + (${low} >> 32)`;
export const carriedOff = (low: RawBuilder<number>) => sql<number>`${low} & 4294967295`;

/** An earning that must not be summed: the rollups count it as invalid. */
const isInvalid = (syntax: SqlSyntax) =>
  sql<boolean>`(${syntax.isSafeInteger('amount_msats')} and source in ('job', 'tip', 'other')) is not true`;

const high = sql<number>`amount_high`;
const low = sql<number>`amount_low`;
const SUM = [text('source'), integer('high'), integer('low'), integer('count')] as const;
const computeSum = ({ ref }: ExpressionBuilder<DB, 'pylon_db_earning_totals'>) => ({
  source: ref('source'),
  high: carriedUp(high, low),
  low: carriedOff(low),
  count: ref('count'),
});

const ofSources = (halves: RawBuilder<number>) =>
  sql<number>`coalesce(${halves} filter (where source <> ${sql.lit(INVALID)}), 0)`;
const TOTAL_ROWS = new PlainRows(
  [integer('high'), integer('low'), integer('largest'), integer('invalid')],
  (row): Total => row,
);
/** In one row: one for each source would cost a third more. */
const total = prepared(
  'earnings.total',
  (db) =>
    db.selectFrom('pylon_db_earning_totals').select(
      TOTAL_ROWS.computed({
        high: ofSources(sql`sum(${carriedUp(high, low)})`),
        low: ofSources(sql`sum(${carriedOff(low)})`),
        largest: ofSources(
          sql`max(abs((${carriedUp(high, low)}) * 4294967296.0 + (${carriedOff(low)})))`,
        ),
        invalid: sql<number>`coalesce(sum(count) filter (where source = ${sql.lit(INVALID)}), 0)`,
      }),
    ),
  TOTAL_ROWS,
);

const SUM_WITH_JOBS_ROWS = new PlainRows([...SUM, integer('jobs')], (row) => row);
/** What each source earned, with how many jobs were paid in each row, at the same instant. */
export const totalsWithJobs = prepared(
  'earnings.summary',
  (db) =>
    db.selectFrom('pylon_db_earning_totals').select((eb) => {
      const jobs = eb.selectFrom('pylon_db_paid_jobs').select('pylon_db_paid_jobs.count');
      return SUM_WITH_JOBS_ROWS.computed({ ...computeSum(eb), jobs: jobs.$asScalar() });
    }),
  SUM_WITH_JOBS_ROWS,
);

/** One earning that can't be summed: decoding it says why. */
const invalidEver = prepared(
  'earnings.summary invalid',
  (db, _: Params<Record<never, never>>, syntax) =>
    db.selectFrom('earnings').select(EARNING_ROWS.columns).where(isInvalid(syntax)).limit(1),
  EARNING_ROWS,
);

/**
 * What all earnings ever add up to, in msats; costs the same at any number of them. Throws
 * `CORRUPT_ROW` or `OUT_OF_RANGE` naming an earning that can't be summed, and `OUT_OF_RANGE` for a
 * sum beyond 2^53-1.
 */
export async function amountEver(db: ReadHandle, operation: string): Promise<number> {
  const [sum] = await soundTotals(db, operation, total({}));
  const { high, low, largest } = sum ?? { high: 0, low: 0, largest: 0 };
  // One source beyond it has no amount, whatever others take away.
  amountOf(operation, { high: 0, low: largest });
  return amountOf(operation, { high, low });
}

/** All earnings ever, with how many jobs have one, of whatever source; throws like {@link amountEver}. */
export async function earnedEverWithJobs(
  db: ReadHandle,
  operation: string,
): Promise<{ readonly earned: Earned; readonly job_count: number }> {
  const sums = await soundTotals(db, operation, totalsWithJobs({}));
  // A server has no rows of totals before the first earning.
  return { earned: addUp(operation, sums), job_count: sums[0]?.jobs ?? 0 };
}

/** Totals that lack no earning; throws for one that can't be summed, or that isn't there. */
export async function soundTotals<Sum extends SourceSum | Total>(
  db: ReadHandle,
  operation: string,
  query: BoundRead<Sum>,
): Promise<readonly Sum[]> {
  const sums = await db.all(operation, query);
  if (!leavesOut(sums)) return sums;
  const again = [query, invalidEver({})] as const;
  const [sumsThen] = await db.snapshot(operation, again, 'continuation');
  if (leavesOut(sumsThen)) throw wrongTotals(operation, 'pylon_db_earning_totals');
  return sumsThen;
}

/**
 * Whether an earning can't be summed. A look at it says why; when it was repaired before the look,
 * the sums lack it, and are asked for again.
 */
export function leavesOut(sums: readonly (SourceSum | Total)[]): boolean {
  return sums.some((sum) =>
    'invalid' in sum ? sum.invalid > 0 : sum.source === INVALID && sum.count > 0,
  );
}

/** What the sources earned together; throws `OUT_OF_RANGE`. */
export function addUp(operation: string, sums: readonly SourceSum[]): Earned {
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

/** The sum of two halves; throws `OUT_OF_RANGE` beyond 2^53-1. */
export function amountOf(
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
