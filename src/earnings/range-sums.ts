import { type RawBuilder, sql } from 'kysely';
import { EARNING_SOURCES, type EarningSource } from '../../generated/db.js';
import type { Admission, ReadHandle } from '../engine/engine.js';
import {
  type BoundRead,
  type Params,
  prepared,
  type RawRow,
  type Rows,
} from '../engine/prepared.js';
import type { SqlSyntax } from '../engine/sql-syntax.js';
import type { PylonDbError } from '../errors.js';
import { PlainRows } from '../schema/plain-row.js';
import { wrongTotals } from '../schema/row.js';
import { integer, text } from '../schema/tables.js';
import { EARNING_ROWS } from './earning.js';
import {
  addUp,
  carriedOff,
  carriedUp,
  type Earned,
  INVALID,
  leavesOut,
  type SourceSum,
} from './totals.js';

// A range is summed from whole hours and quarters of an hour that triggers keep, and from the
// earnings at its two edges. Where none are kept, both edges meet: all of it is read from earnings.

/** What a range earned that begins at `start`. */
export interface RangeSums {
  readonly start: number;
  readonly sums: readonly SourceSum[];
}

const QUARTER = 900;
const HOUR = 3600;

/** Whole hours that make every time positive, in seconds: division in SQL rounds to zero. */
const SHIFT = 2_501_999_792_984 * HOUR;

/** The hour that holds the totals of all time: it is there where triggers keep any. */
const ALL_TIME = sql.raw('9223372036854775807');

/** The last hour of times; an earning whose time is not a number is counted in it. */
const LAST_HOUR = sql.raw('2562047788015216');

/** An earning that must not be summed in a range: the kept hours count it as invalid. */
const isInvalid = (syntax: SqlSyntax) =>
  sql<boolean>`(${syntax.isSafeInteger('amount_msats')} and source in ('job', 'tip', 'other')
    and ${syntax.isSafeInteger('earned_at')}) is not true`;

type Sql = RawBuilder<unknown>;

/** Sources with sums: of the earnings for which `where` holds. */
const edge = (syntax: SqlSyntax, where: Sql, from: Sql = sql`earnings`) => sql`
  select case when ${isInvalid(syntax)} then ${sql.lit(INVALID)} else source end as source,
    amount_msats >> 32 as high, amount_msats & 4294967295 as low, 1 as count
  from ${from} where ${where}`;

/** Sources with sums: of the whole hours for which `where` holds. */
const wholeHours = (hours: Sql, where: Sql) => sql`
  select source, amount_high, amount_low, count from ${hours} where ${where}`;

/** Sources with sums: of an hour's first quarters, `quarter` of them, which may be none. */
const firstQuarters = (hours: Sql, sign: '+' | '-', hour: Sql, quarter: Sql) => {
  const sums = ['amount_high', 'amount_low', 'count'].map(
    (name) => sql`${sql.raw(sign)} case ${quarter} when 1 then ${sql.ref(`${name}_1`)}
      when 2 then ${sql.ref(`${name}_2`)} else ${sql.ref(`${name}_3`)} end`,
  );
  return sql`
  select source, ${sql.join(sums)} from ${hours} where hour = ${hour} and ${quarter} > 0`;
};

/** Whether anything keeps the hours. */
const areKept = (hours: Sql) => sql`exists (select 1 from ${hours} where hour = ${ALL_TIME})`;

/** The columns that {@link decodeSums} reads, of sources with sums. A GROUP BY would sort these. */
const COLUMNS: readonly RawBuilder<number>[] = [
  sql`coalesce(sum(count) filter (where source = ${sql.lit(INVALID)}), 0)`,
  ...EARNING_SOURCES.flatMap(columnsOf),
];

function columnsOf(source: EarningSource): RawBuilder<number>[] {
  const of = (column: string) =>
    // PostgreSQL sums integers to a decimal, which has no bits.
    sql<number>`cast(coalesce(sum(${sql.ref(column)}) filter (where source = ${sql.lit(source)}), 0) as bigint)`;
  return [carriedUp(of('high'), of('low')), carriedOff(of('low')), of('count')];
}

/** What a row of sums says: each source, and those that can't be summed. */
function decodeSums(row: RawRow): SourceSum[] {
  const [invalid = 0, ...columns] = row.map(Number);
  const bySource = EARNING_SOURCES.map((source, i): SourceSum => {
    const [high = 0, low = 0, count = 0] = columns.slice(3 * i);
    return { source, high, low, count };
  });
  return [...bySource, { source: INVALID, high: 0, low: 0, count: invalid }];
}

const RANGE_ROWS = new PlainRows(
  [integer('start'), text('sums')],
  ({ start, sums }): RangeSums => ({ start, sums: decodeSums(JSON.parse(sums)) }),
);

/** A range in SQL: `head` and `tail` are where its first edge stops and its last begins. */
interface Bucket {
  start: number;
  stop: number;
  head: number;
  tail: number;
  first_hour: number;
  first_quarter: number;
  last_hour: number;
  last_quarter: number;
}

/** Cuts each range of a JSON list into two edges, whole hours, and quarters taken off or added. */
function bucketsOf(list: RawBuilder<string>, syntax: SqlSyntax): RawBuilder<Bucket> {
  const hours = syntax.earningHours;
  const ranges = syntax.ranges(list);
  if (hours === undefined) return sql`select "start", "end" as stop from ${ranges} as range`;
  const shift = sql.lit(SHIFT);
  const hoursIn = sql.lit(SHIFT / HOUR);
  return sql`
    select "start", stop,
      case when first <= last and ${areKept(hours)} then first * ${sql.lit(QUARTER)} - ${shift} else stop end as head,
      case when first <= last and ${areKept(hours)} then last * ${sql.lit(QUARTER)} - ${shift} else stop end as tail,
      case when first <= last then first else last end / 4 - ${hoursIn} as first_hour,
      case when first <= last then first else last end % 4 as first_quarter,
      last / 4 - ${hoursIn} as last_hour, last % 4 as last_quarter
    from (
      select "start", "end" as stop, ("start" + ${shift} + ${sql.lit(QUARTER - 1)}) / ${sql.lit(QUARTER)} as first,
        ("end" + ${shift}) / ${sql.lit(QUARTER)} as last
      from ${ranges} as range
    ) as cut`;
}

/** The sources with sums that make up a bucket. */
function partsOf(syntax: SqlSyntax): RawBuilder<unknown> {
  const hours = syntax.earningHours;
  const at = (name: keyof Bucket) => sql.ref(`bucket.${name}`);
  const between = (from: keyof Bucket, to: keyof Bucket) =>
    sql`earned_at >= ${at(from)} and earned_at < ${at(to)}`;
  if (hours === undefined) return edge(syntax, between('start', 'stop'));
  // Most edges are empty: the index is not asked for them.
  const edgeIfAny = (from: keyof Bucket, to: keyof Bucket) =>
    edge(syntax, sql`${at(from)} < ${at(to)} and ${between(from, to)}`);
  const parts = [
    edgeIfAny('start', 'head'),
    edgeIfAny('tail', 'stop'),
    wholeHours(hours, sql`hour >= ${at('first_hour')} and hour < ${at('last_hour')}`),
    firstQuarters(hours, '-', at('first_hour'), at('first_quarter')),
    firstQuarters(hours, '+', at('last_hour'), at('last_quarter')),
  ];
  return sql.join(parts, sql` union all `);
}

/** The sums of each range of a JSON list of pairs, each from a second to before another. */
export const sumsOfRanges = prepared(
  'earnings.rollup',
  (db, p: Params<{ ranges: string }>, syntax) =>
    db
      .with(
        // Computed once for each range, and not where it is used.
        (cte) => cte('bucket').materialized(),
        () => sql<Bucket>`(${bucketsOf(p.ranges, syntax)})`,
      )
      .selectFrom('bucket')
      .select(({ ref }) =>
        RANGE_ROWS.computed({
          start: ref('bucket.start'),
          // As one value: for each range the index is asked once.
          sums: sql<string>`(select ${syntax.jsonList(COLUMNS)} from (${partsOf(syntax)}) as part)`,
        }),
      ),
  RANGE_ROWS,
);

const SUMS_ROWS: Rows<Record<`sum_${number}`, number>, SourceSum[]> = {
  decode: decodeSums,
  mayBeCorrupt: false,
};

/** From when on: the second, the first whole quarter after it, and its hour and number there. */
interface Since {
  start: number;
  head: number;
  hour: number;
  quarter: number;
}

const sumsSince = prepared(
  'earnings.today',
  (db, p: Params<Since>, syntax) =>
    db
      .selectFrom(sql`(${partsSince(p, syntax)})`.as('part'))
      .select(COLUMNS.map((sum, i) => sum.as(`sum_${i}`))),
  SUMS_ROWS,
);

function partsSince(p: Params<Since>, syntax: SqlSyntax): RawBuilder<unknown> {
  const hours = syntax.earningHours;
  if (hours === undefined) return edge(syntax, sql`earned_at >= ${p.start}`);
  const kept = sql`(select ${areKept(hours)} as yes) as kept cross join earnings`;
  const parts = [
    edge(syntax, sql`kept.yes and earned_at >= ${p.start} and earned_at < ${p.head}`, kept),
    edge(syntax, sql`not kept.yes and earned_at >= ${p.start}`, kept),
    wholeHours(hours, sql`hour >= ${p.hour} and hour <= ${LAST_HOUR}`),
    // A server knows no type for a parameter that is compared with nothing but numbers.
    firstQuarters(hours, '-', p.hour, sql`cast(${p.quarter} as integer)`),
  ];
  return sql.join(parts, sql` union all `);
}

function since(start: number): BoundRead<SourceSum[]> {
  const quarter = Math.ceil(start / QUARTER);
  const hour = Math.floor(quarter / 4);
  return sumsSince({ start, head: quarter * QUARTER, hour, quarter: quarter - 4 * hour });
}

/**
 * Earnings from `start` on, the future included. Throws `CORRUPT_ROW` or `OUT_OF_RANGE` naming an
 * earning that can't be summed, and `OUT_OF_RANGE` for a sum beyond 2^53-1.
 */
export async function earnedSince(
  db: ReadHandle,
  operation: string,
  start: number,
  admission?: Admission,
): Promise<Earned> {
  const asked = since(start);
  const [sums = []] = await db.all(operation, asked, admission);
  if (!leavesOut(sums)) return addUp(operation, sums);
  const again = [asked, invalidSince({ start })] as const;
  const [[sumsThen = []]] = await db.snapshot(operation, again, 'continuation');
  if (leavesOut(sumsThen)) throw wrongHours(operation);
  return addUp(operation, sumsThen);
}

/** The error for kept hours that count an earning as invalid which isn't there. */
export function wrongHours(operation: string): PylonDbError {
  return wrongTotals(operation, 'pylon_db_earning_hours');
}

/** One earning that can't be summed, from a second to before another: decoding it says why. */
export const invalidBetween = prepared(
  'earnings.rollup invalid',
  (db, p: Params<{ start: number; stop: number }>, syntax) =>
    db
      .selectFrom('earnings')
      .select(EARNING_ROWS.columns)
      .where('earned_at', '>=', p.start)
      .where('earned_at', '<', p.stop)
      .where(isInvalid(syntax))
      .limit(1),
  EARNING_ROWS,
);

/** The same, from a second on. */
const invalidSince = prepared(
  'earnings.today invalid',
  (db, p: Params<{ start: number }>, syntax) =>
    db
      .selectFrom('earnings')
      .select(EARNING_ROWS.columns)
      .where('earned_at', '>=', p.start)
      .where(isInvalid(syntax))
      .limit(1),
  EARNING_ROWS,
);
