import { MOST_BUCKETS, startOfNewest } from '../../earnings/buckets.js';
import type { EarningsBucket } from '../../earnings/rollup.js';
import type { BucketWidth } from '../../earnings/utc-calendar.js';
import { isPylonDbError } from '../../errors.js';
import { systemClock } from '../../options.js';
import type { PylonDb } from '../../pylon-db.js';
import type { TimeRange } from '../shell/times.js';
import { formatCount, formatTime } from '../shell/units.js';

/** Sums by time, and what to say about those that are left out. */
interface Fitting {
  readonly buckets: readonly EarningsBucket[];
  readonly notes: readonly string[];
}

interface Calendar {
  readonly by: BucketWidth;
  readonly timeZone: string;
}

/**
 * The buckets of a range, or of too long a range the newest that one rollup may have. Earnings that
 * a wrong clock dated later than now don't decide which those are.
 */
export async function bucketsThatFit(
  db: PylonDb,
  range: TimeRange,
  calendar: Calendar,
): Promise<Fitting> {
  const all = await rollup(db, range, calendar);
  if (all !== undefined) return { buckets: all, notes: [] };

  const now = systemClock();
  const [last] = await db.earnings.recent(1);
  if (last === undefined || range.end !== undefined || last.earned_at <= now) {
    return await newestBuckets(db, range, range.end ?? last?.earned_at ?? now, calendar);
  }
  const note = `Left out what is dated later than now, such as ${last.id} (${formatTime(last.earned_at)}); \`pylon-db check\` lists it.`;
  const upToNow = { ...range, end: now };
  const buckets = await rollup(db, upToNow, calendar);
  if (buckets !== undefined) return { buckets, notes: [note] };
  const newest = await newestBuckets(db, upToNow, now, calendar);
  return { buckets: newest.buckets, notes: [note, ...newest.notes] };
}

/** `undefined` for more buckets than one rollup may have. */
async function rollup(
  db: PylonDb,
  range: TimeRange,
  calendar: Calendar,
): Promise<EarningsBucket[] | undefined> {
  try {
    return await db.earnings.rollup({ ...calendar, ...range });
  } catch (error) {
    // All else that a rollup may refuse is checked before.
    if (isPylonDbError(error, 'INVALID_ARGUMENT')) return undefined;
    throw error;
  }
}

async function newestBuckets(
  db: PylonDb,
  range: TimeRange,
  end: number,
  { by, timeZone }: Calendar,
): Promise<Fitting> {
  const start = Math.max(await startOfNewest(by, end, timeZone), 0);
  const buckets = await db.earnings.rollup({ by, timeZone, ...range, start });
  const older = start === 0 ? '' : ` For older ones add --until ${start - 1}, or a wider --by.`;
  const note = `Only the newest ${formatCount(MOST_BUCKETS)} ${by}s fit, from ${formatTime(start)} UTC on.${older}`;
  return { buckets, notes: [note] };
}
