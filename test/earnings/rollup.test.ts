import { describe, expect, it } from 'vitest';
import type { BucketWidth, EarningsBucket } from '../../src/index.js';
import { testDatabase } from '../database.js';

const HOUR = 3600;

/** Unix seconds of an ISO time. */
const at = (iso: string) => Date.parse(iso) / 1000;

/** A file with one earning of 1 msat at each time. */
async function fileWith(...times: readonly string[]) {
  const file = await testDatabase();
  for (const time of times) {
    await file.db.earnings.record({
      id: time,
      amount_msats: 1,
      source: 'tip',
      earned_at: at(time),
    });
  }
  return file;
}

const starts = (buckets: readonly EarningsBucket[]) =>
  buckets.map((bucket) =>
    new Date(bucket.bucket_start * 1000).toISOString().replace(':00.000', ''),
  );
const counts = (buckets: readonly EarningsBucket[]) => buckets.map((bucket) => bucket.count);

describe('earnings.rollup', () => {
  it('sums each bucket by source, oldest first, empty ones included', async () => {
    const { db } = await testDatabase();
    const earn = (id: string, source: 'job' | 'tip', amount_msats: number, time: string) =>
      db.earnings.record({ id, source, amount_msats, earned_at: at(time) });
    await earn('a', 'tip', 1, '2026-07-01T00:00Z');
    await earn('b', 'job', 10, '2026-07-01T23:59:59Z');
    await earn('c', 'tip', 100, '2026-07-03T12:00Z');
    expect(await db.earnings.rollup({ by: 'day' })).toEqual([
      {
        bucket_start: at('2026-07-01T00:00Z'),
        amount_msats: 11,
        count: 2,
        by_source: { job: 10, tip: 1, other: 0 },
      },
      {
        bucket_start: at('2026-07-02T00:00Z'),
        amount_msats: 0,
        count: 0,
        by_source: { job: 0, tip: 0, other: 0 },
      },
      {
        bucket_start: at('2026-07-03T00:00Z'),
        amount_msats: 100,
        count: 1,
        by_source: { job: 0, tip: 100, other: 0 },
      },
    ]);
  });

  it('of an empty database is empty, and of a given range is zero', async () => {
    const { db } = await testDatabase();
    expect(await db.earnings.rollup({ by: 'day' })).toEqual([]);
    expect(await db.earnings.rollup({ by: 'day', start: 9, end: 8 })).toEqual([]);
    expect(counts(await db.earnings.rollup({ by: 'hour', start: 0, end: 2 * HOUR }))).toEqual([
      0, 0, 0,
    ]);
  });

  const WIDTHS: readonly (readonly [BucketWidth, readonly string[]])[] = [
    ['hour', ['2026-02-28T22:00Z', '2026-02-28T23:00Z', '2026-03-01T00:00Z', '2026-03-01T01:00Z']],
    ['day', ['2026-02-28T00:00Z', '2026-03-01T00:00Z']],
    ['week', ['2026-02-23T00:00Z']],
    ['month', ['2026-02-01T00:00Z', '2026-03-01T00:00Z']],
  ];
  it.each(WIDTHS)('cuts by %s', async (by, expected) => {
    const { db } = await fileWith('2026-02-28T22:30Z', '2026-03-01T01:59:59Z');
    expect(starts(await db.earnings.rollup({ by }))).toEqual(expected);
  });

  it('begins weeks on Monday', async () => {
    const { db } = await fileWith('2026-03-01T23:59:59Z', '2026-03-02T00:00Z', '2026-03-08T12:00Z');
    const weeks = await db.earnings.rollup({ by: 'week' });
    expect(starts(weeks)).toEqual(['2026-02-23T00:00Z', '2026-03-02T00:00Z']);
    expect(counts(weeks)).toEqual([1, 2]);
  });

  it('includes both ends of the range, and nothing else', async () => {
    const times = ['2026-07-01T05:59:59Z', '2026-07-01T06:00Z', '2026-07-02T18:00Z'];
    const { db } = await fileWith(...times, '2026-07-02T18:00:01Z');
    const range = { start: at('2026-07-01T06:00Z'), end: at('2026-07-02T18:00Z') };
    const days = await db.earnings.rollup({ by: 'day', ...range });
    expect(starts(days)).toEqual(['2026-07-01T00:00Z', '2026-07-02T00:00Z']);
    expect(counts(days)).toEqual([1, 1]);
  });

  it('takes the first and the last earning for an end that is left out', async () => {
    const { db } = await fileWith('2026-07-01T06:00Z', '2026-07-03T06:00Z');
    const from = await db.earnings.rollup({ by: 'day', start: at('2026-07-02T00:00Z') });
    expect(counts(from)).toEqual([0, 1]);
    const until = await db.earnings.rollup({ by: 'day', end: at('2026-07-02T00:00Z') });
    expect(counts(until)).toEqual([1, 0]);
  });
});

it('earnings.rollup cuts at the second where a zone was no quarters of an hour away from UTC', async () => {
  const { db, writeByAnother } = await testDatabase();
  // New York was 4:56:02 behind until 1883, Monrovia 44:30 until 1972.
  const times = ['1883-10-01T04:56:01Z', '1883-10-01T04:56:02Z', '1883-11-01T04:56:01Z'];
  const later = ['1971-12-31T00:44:29Z', '1971-12-31T00:44:30Z', '1972-01-01T00:44:29Z'];
  for (const time of [...times, ...later]) {
    await writeByAnother(
      `insert into earnings (id, amount_msats, source, earned_at) values ('${time}', 1, 'tip', ${at(time)})`,
    );
  }
  const months = await db.earnings.rollup({ by: 'month', timeZone: 'America/New_York' });
  expect(counts(months.slice(0, 2))).toEqual([1, 2]);
  const days = await db.earnings.rollup({
    by: 'day',
    timeZone: 'Africa/Monrovia',
    start: at('1971-12-30T12:00Z'),
    end: at('1972-01-01T12:00Z'),
  });
  expect(counts(days)).toEqual([1, 2, 0]);
});

describe('earnings.rollup in a zone whose clock changes', () => {
  /** Hours between the starts of a day and of the next, and how many hour buckets it has. */
  const DAYS = [
    ['America/New_York', '2026-03-08T05:00Z', 23, 23],
    ['America/New_York', '2026-11-01T04:00Z', 25, 25],
    ['Europe/Berlin', '2026-03-28T23:00Z', 23, 23],
    ['Europe/Berlin', '2026-10-24T22:00Z', 25, 25],
    ['Australia/Lord_Howe', '2026-10-03T13:30Z', 23.5, 24],
    ['Australia/Lord_Howe', '2026-04-04T13:00Z', 24.5, 24],
    ['Asia/Kolkata', '2026-07-01T18:30Z', 24, 24],
  ] as const;

  it.each(DAYS)('%s: the day from %s has %d hours', async (timeZone, midnight, hours, buckets) => {
    const { db } = await testDatabase();
    const start = at(midnight);
    const next = start + hours * HOUR;
    const amounts = { amount_msats: 1, source: 'tip' } as const;
    for (const earned_at of [start - 1, start, next - 1, next]) {
      await db.earnings.record({ ...amounts, id: `${earned_at}`, earned_at });
    }
    const days = await db.earnings.rollup({ by: 'day', timeZone });
    expect(days.slice(1).map((day) => day.bucket_start)).toEqual([start, next]);
    expect(counts(days)).toEqual([1, 2, 1]);

    const byHour = await db.earnings.rollup({ by: 'hour', timeZone, start, end: next - 1 });
    expect(byHour).toHaveLength(buckets);
    expect(byHour[0]).toMatchObject({ bucket_start: start, count: 1 });
    expect(byHour.at(-1)).toMatchObject({ bucket_start: next - HOUR, count: 1 });
  });

  it('has the hour that is repeated twice, and not the one that is skipped', async () => {
    const { db } = await testDatabase();
    const timeZone = 'America/New_York';
    const hours = async (start: string, end: string) =>
      starts(await db.earnings.rollup({ by: 'hour', timeZone, start: at(start), end: at(end) }));
    const back = ['2026-11-01T04:00Z', '2026-11-01T05:00Z', '2026-11-01T06:00Z'];
    expect(await hours('2026-11-01T04:30Z', '2026-11-01T06:30Z')).toEqual(back);
    const ahead = ['2026-03-08T06:00Z', '2026-03-08T07:00Z', '2026-03-08T08:00Z'];
    expect(await hours('2026-03-08T06:30Z', '2026-03-08T08:30Z')).toEqual(ahead);
  });

  it('has one bucket for the hour that half an hour is put back in, or skipped of', async () => {
    const { db } = await testDatabase();
    const timeZone = 'Australia/Lord_Howe';
    const hours = async (start: string, end: string) =>
      starts(await db.earnings.rollup({ by: 'hour', timeZone, start: at(start), end: at(end) }));
    // 01:00 +11:00 lasts 90 minutes, and 02:00 +10:30 follows.
    const back = ['2026-04-04T14:00Z', '2026-04-04T15:30Z'];
    expect(await hours('2026-04-04T15:15Z', '2026-04-04T15:45Z')).toEqual(back);
    // 02:00 is skipped until 02:30 +11:00.
    const ahead = ['2026-10-03T14:30Z', '2026-10-03T15:30Z', '2026-10-03T16:00Z'];
    expect(await hours('2026-10-03T15:00Z', '2026-10-03T16:15Z')).toEqual(ahead);
    expect(await hours('2026-10-03T15:45Z', '2026-10-03T15:46Z')).toEqual(ahead.slice(1, 2));
  });

  it('begins a day where its midnight is skipped', async () => {
    const { db } = await fileWith('2018-11-04T02:59:59Z', '2018-11-04T03:00Z', '2018-11-05T02:00Z');
    const days = await db.earnings.rollup({ by: 'day', timeZone: 'America/Sao_Paulo' });
    expect(starts(days)).toEqual(['2018-11-03T03:00Z', '2018-11-04T03:00Z', '2018-11-05T02:00Z']);
    expect(counts(days)).toEqual([1, 1, 1]);
  });
});
