import { Temporal } from 'temporal-polyfill';
import type { BucketWidth } from './utc-calendar.js';

/**
 * The starts of consecutive calendar buckets in a time zone, as unix seconds, and the end of the
 * last: the first bucket holds `start`, the last `end`. Weeks begin on Monday; a day is as long as
 * the zone's clock makes it. Stops after `most` buckets. Throws `RangeError` beyond the calendar.
 */
export function zonedBucketEdges(
  by: BucketWidth,
  start: number,
  end: number,
  timeZone: string,
  most: number,
): number[] {
  let bucket = startOfBucket(by, zoned(start, timeZone));
  let at = seconds(bucket);
  const edges = [at];
  while (at <= end && edges.length <= most) {
    bucket = nextBucket(by, bucket);
    at = seconds(bucket);
    edges.push(at);
  }
  return edges;
}

function startOfBucket(by: BucketWidth, at: Temporal.ZonedDateTime): Temporal.ZonedDateTime {
  switch (by) {
    case 'hour':
      return startOfHour(at);
    case 'day':
      return at.startOfDay();
    case 'week':
      return at.subtract({ days: at.dayOfWeek - 1 }).startOfDay();
    case 'month':
      return at.with({ day: 1 }).startOfDay();
  }
}

function nextBucket(by: BucketWidth, bucket: Temporal.ZonedDateTime): Temporal.ZonedDateTime {
  switch (by) {
    case 'hour':
      return nextHour(bucket);
    case 'day':
      return bucket.add({ days: 1 }).startOfDay();
    case 'week':
      return bucket.add({ days: 7 }).startOfDay();
    case 'month':
      return bucket.add({ months: 1 }).with({ day: 1 }).startOfDay();
  }
}

function startOfHour(at: Temporal.ZonedDateTime): Temporal.ZonedDateTime {
  return at.with({ minute: 0, second: 0, millisecond: 0, microsecond: 0, nanosecond: 0 });
}

function nextHour(bucket: Temporal.ZonedDateTime): Temporal.ZonedDateTime {
  const next = bucket.add({ minutes: 60 - bucket.minute });
  // A clock put back by half an hour: the hour on the clock goes on for half an hour more.
  const goesOn = next.hour === bucket.hour && next.minute !== 0;
  return goesOn ? next.add({ minutes: 60 - next.minute }) : next;
}

function zoned(at: number, timeZone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(at * 1000).toZonedDateTimeISO(timeZone);
}

function seconds(at: Temporal.ZonedDateTime): number {
  return Math.floor(at.epochMilliseconds / 1000);
}
