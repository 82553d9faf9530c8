import type { ReadHandle } from '../engine/engine.js';
import { type Check, ianaZone, object, oneOf, plusZero, timestamp } from '../schema/input.js';
import { calendarEdges, type RollupEnds } from './buckets.js';
import type { Earning } from './earning.js';
import { firstEarning, recentEarnings } from './queries.js';
import { invalidBetween, sumsOfRanges, wrongHours } from './range-sums.js';
import { addUp, type Earned, leavesOut } from './totals.js';
import type { BucketWidth } from './utc-calendar.js';

/** What one calendar bucket earned; `bucket_start` in unix seconds. */
export interface EarningsBucket extends Earned {
  readonly bucket_start: number;
}

/** A range of time in unix seconds, both ends included. */
export interface TimeRange {
  readonly start: number;
  readonly end: number;
}

/** A range in unix seconds, both ends included, cut into calendar buckets of a time zone. */
export interface RollupOptions {
  readonly by: BucketWidth;
  /** Default: the first earning. */
  readonly start?: number;
  /** Default: the last earning. */
  readonly end?: number;
  /** An IANA zone; its clock changes make days of 23 and 25 hours. Default UTC. */
  readonly timeZone?: string;
}

const BUCKET_WIDTHS = ['hour', 'day', 'week', 'month'] as const satisfies readonly BucketWidth[];

/** The check of what callers of a rollup give. */
export const rollupInput: Check = object(
  { by: oneOf(BUCKET_WIDTHS), start: timestamp, end: timestamp, timeZone: ianaZone },
  ['by'],
);

/**
 * Sums the earnings of each bucket, oldest first, empty ones included, all at one instant. `now`
 * shows which end of too long a range is the wrong one. Called within {@link ReadHandle.during}.
 */
export async function rollup(
  db: ReadHandle,
  operation: string,
  options: RollupOptions,
  now: number,
): Promise<EarningsBucket[]> {
  const { by, timeZone = 'UTC' } = options;
  let ends =
    endsOf(options) ??
    endsOf(options, ...(await db.snapshot(operation, FIRST_AND_LAST, 'continuation')));
  while (ends !== undefined && ends.start <= ends.end) {
    const edges = await calendarEdges(operation, { by, timeZone, ends, now });
    const { sums, endsThen } = await sumRanges(db, operation, options, rangesOf(edges, options));
    if (endsOf(options) !== undefined || isCutBy(edges, endsThen)) {
      return sums.map((earned, i) => ({ bucket_start: edges[i] ?? 0, ...earned }));
    }
    // An earning came before the first bucket or after the last: there are more of them now.
    ends = endsThen;
  }
  return [];
}

const FIRST_AND_LAST = [firstEarning({}), recentEarnings({ limit: 1 })] as const;

/** From where to where a rollup goes; `undefined` when that depends on earnings that aren't there. */
function endsOf(
  options: RollupOptions,
  [first]: readonly Earning[] = [],
  [last]: readonly Earning[] = [],
): RollupEnds | undefined {
  const start = options.start ?? first?.earned_at;
  const end = options.end ?? last?.earned_at;
  if (start === undefined || end === undefined) return undefined;
  return {
    start: plusZero(start),
    end,
    ...(options.start === undefined ? { first } : {}),
    ...(options.end === undefined ? { last } : {}),
  };
}

/** The buckets' ranges. One that ends with the last earning goes on: it may not be the last now. */
function rangesOf(edges: readonly number[], { start, end }: RollupOptions): TimeRange[] {
  return edges.slice(0, -1).map((edge, i) => ({
    start: Math.max(edge, start ?? edge),
    end: Math.min((edges[i + 1] ?? edge) - 1, end ?? Number.POSITIVE_INFINITY),
  }));
}

/** What each range earned, and from where to where the rollup goes at that instant. */
async function sumRanges(
  db: ReadHandle,
  operation: string,
  options: RollupOptions,
  ranges: readonly TimeRange[],
): Promise<{ readonly sums: readonly Earned[]; readonly endsThen: RollupEnds | undefined }> {
  const pairs = ranges.map(({ start, end }) => [start, end + 1]);
  const asked = sumsOfRanges({ ranges: JSON.stringify(pairs) });
  const given = endsOf(options);
  const ask = async (...looks: ReturnType<typeof invalidBetween>[]) => {
    if (given !== undefined) {
      const [answer = []] =
        looks.length === 0
          ? [await db.all(operation, asked, 'continuation')]
          : await db.snapshot(operation, [asked, ...looks], 'continuation');
      return { answer, endsThen: given };
    }
    const queries = [...FIRST_AND_LAST, asked, ...looks] as const;
    const [first, last, answer] = await db.snapshot(operation, queries, 'continuation');
    return { answer, endsThen: endsOf(options, first, last) };
  };
  const isSound = ({ answer }: Awaited<ReturnType<typeof ask>>) =>
    !answer.some(({ sums }) => leavesOut(sums));
  let found = await ask();
  if (!isSound(found)) {
    const [start = 0, stop = 0] = [pairs[0]?.[0], pairs.at(-1)?.[1]];
    found = await ask(invalidBetween({ start, stop }));
    if (!isSound(found)) throw wrongHours(operation);
  }
  const inOrder = [...found.answer].sort((a, b) => a.start - b.start);
  return { sums: inOrder.map(({ sums }) => addUp(operation, sums)), endsThen: found.endsThen };
}

/** Whether the first of the buckets between `edges` holds the start, and the last one the end. */
function isCutBy(edges: readonly number[], ends: RollupEnds | undefined): boolean {
  if (ends === undefined) return false;
  const [from = 0, afterFirst = 0] = edges;
  const [beforeLast = 0, to = 0] = edges.slice(-2);
  return from <= ends.start && ends.start < afterFirst && beforeLast <= ends.end && ends.end < to;
}
