import { PylonDbError } from '../errors.js';
import type { Earning } from './earning.js';
import { type BucketWidth, utcBucketEdges } from './utc-calendar.js';

/** Buckets that one rollup may have; more is a mistake, and would hold the event loop. */
export const MOST_BUCKETS = 10_000;

/** Where a rollup begins and ends, and the earning that says so where the caller doesn't. */
export interface RollupEnds {
  readonly start: number;
  readonly end: number;
  readonly first?: Earning | undefined;
  readonly last?: Earning | undefined;
}

/** Buckets to cut. */
interface Cut {
  readonly by: BucketWidth;
  readonly timeZone: string;
  readonly ends: RollupEnds;
  /** The time now. */
  readonly now: number;
}

/**
 * The starts of a rollup's buckets, and the end of the last. Throws `INVALID_ARGUMENT` for more
 * than {@link MOST_BUCKETS}, or beyond the calendar, naming the range and the earning at fault.
 */
export async function calendarEdges(operation: string, cut: Cut): Promise<number[]> {
  const { by, timeZone, ends } = cut;
  try {
    const edges = await bucketEdges(by, ends, timeZone, MOST_BUCKETS + 1);
    if (edges.length - 1 <= MOST_BUCKETS) return edges;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw cantCut(operation, cut, 'leaves the calendar');
  }
  throw cantCut(operation, cut, `has more than ${MOST_BUCKETS} ${by}s`);
}

/**
 * The start of the longest range up to `end` that one rollup may have. Throws `RangeError` beyond
 * the calendar.
 */
export async function startOfNewest(
  by: BucketWidth,
  end: number,
  timeZone: string,
): Promise<number> {
  const start = end - MOST_BUCKETS * LONGEST_SECONDS[by];
  const edges = await bucketEdges(by, { start, end }, timeZone, 2 * MOST_BUCKETS);
  return edges.at(-1 - MOST_BUCKETS) ?? start;
}

const HOUR = 3600;
const DAY = 24 * HOUR;

/** What no bucket but a rare one is longer than; a clock put back adds an hour to a day. */
const LONGEST_SECONDS: Readonly<Record<BucketWidth, number>> = {
  hour: HOUR,
  day: DAY + HOUR,
  week: 7 * DAY + HOUR,
  month: 31 * DAY + HOUR,
};

/** The start of the day of `at` on a zone's clock. */
export async function startOfDay(at: number, timeZone: string): Promise<number> {
  const [midnight = at] = await bucketEdges('day', { start: at, end: at }, timeZone, 1);
  return midnight;
}

async function bucketEdges(
  by: BucketWidth,
  { start, end }: { readonly start: number; readonly end: number },
  timeZone: string,
  most: number,
): Promise<number[]> {
  if (timeZone === 'UTC') return utcBucketEdges(by, start, end, most);
  // Loaded only here: the calendar would be a good part of the package's import otherwise.
  const { zonedBucketEdges } = await import('./zoned-calendar.js');
  return zonedBucketEdges(by, start, end, timeZone, most);
}

/** Names the end that is at fault: of two that earnings set, the one further from now. */
function cantCut(operation: string, { ends, now }: Cut, why: string): PylonDbError {
  const { start, end, first, last } = ends;
  const isFirst =
    first !== undefined && (last === undefined || Math.abs(start - now) > Math.abs(end - now));
  const row = isFirst ? first : last;
  const field = isFirst ? 'start' : 'end';
  const range = `the range from ${inWords(start)} to ${inWords(end)} ${why}`;
  if (row === undefined) {
    const hint = 'Give a start and end that are closer to each other, or a wider `by`.';
    return new PylonDbError('INVALID_ARGUMENT', range, { field }, { operation, hint });
  }
  const problem = `${range}: its ${isFirst ? 'first' : 'last'} earning is ${row.id}`;
  const hint = isFirst
    ? 'Give `start` in unix seconds to leave out what is older, or a wider `by`.'
    : 'Give `end` in unix seconds to leave out what is later. If a wrong clock dated the earning, correct its earned_at.';
  return new PylonDbError('INVALID_ARGUMENT', problem, { field }, { operation, hint });
}

/** A time as people read it; the number itself where no calendar reaches. */
function inWords(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString().replace('.000Z', 'Z');
}
