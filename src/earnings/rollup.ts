import type { ReadHandle } from '../engine/engine.js';
import { type Check, invalid, object, oneOf, text, timestamp } from '../input.js';
import { firstEarning, recentEarnings } from './queries.js';
import { type Earned, earnedBetween } from './totals.js';
import { type BucketWidth, utcBucketStarts } from './utc-calendar.js';

/** What one calendar bucket earned; `bucket_start` in unix seconds. */
export interface EarningsBucket extends Earned {
  readonly bucket_start: number;
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

/** Buckets that one rollup may have; more is a mistake, and would hold the event loop. */
const MOST_BUCKETS = 10_000;

const BUCKET_WIDTHS = ['hour', 'day', 'week', 'month'] as const satisfies readonly BucketWidth[];

const ianaZone: Check = (value, field, operation) => {
  text(value, field, operation);
  try {
    Intl.DateTimeFormat('en', { timeZone: String(value) });
  } catch {
    throw invalid(field, operation, 'an IANA time zone such as Europe/Berlin', value);
  }
};

/** The check of what callers of a rollup give. */
export const rollupInput: Check = object(
  { by: oneOf(BUCKET_WIDTHS), start: timestamp, end: timestamp, timeZone: ianaZone },
  ['by'],
);

/** Sums the earnings of each bucket, oldest first, empty ones included. */
export async function rollup(
  db: ReadHandle,
  operation: string,
  options: RollupOptions,
): Promise<EarningsBucket[]> {
  const { by, timeZone = 'UTC' } = options;
  const start = options.start ?? (await db.first(operation, firstEarning({})))?.earned_at;
  const end = options.end ?? (await db.first(operation, recentEarnings({ limit: 1 })))?.earned_at;
  if (start === undefined || end === undefined || start > end) return [];

  const starts = await calendarBuckets(operation, { by, start, end, timeZone });
  return await Promise.all(
    starts.map(async (bucket_start, i) => {
      const next = starts[i + 1];
      const earned = await earnedBetween(db, operation, {
        start: Math.max(start, bucket_start),
        end: next === undefined ? end : next - 1,
      });
      return { bucket_start, ...earned };
    }),
  );
}

async function calendarBuckets(
  operation: string,
  range: { by: BucketWidth; start: number; end: number; timeZone: string },
): Promise<number[]> {
  const { by, start, end, timeZone } = range;
  let starts: number[];
  try {
    starts = await bucketStarts(by, start, end, timeZone);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw invalid('end', operation, 'a time that the calendar knows', end);
  }
  if (starts.length > MOST_BUCKETS) {
    throw invalid('by', operation, `a width that gives at most ${MOST_BUCKETS} buckets`, by);
  }
  return starts;
}

async function bucketStarts(
  by: BucketWidth,
  start: number,
  end: number,
  timeZone: string,
): Promise<number[]> {
  if (timeZone === 'UTC') return utcBucketStarts(by, start, end, MOST_BUCKETS + 1);
  // Loaded only here: the calendar would be a good part of the package's import otherwise.
  const { zonedBucketStarts } = await import('./zoned-calendar.js');
  return zonedBucketStarts(by, start, end, timeZone, MOST_BUCKETS + 1);
}
