import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BucketWidth, EARNING_SOURCES } from '../../src/index.js';
import { testDatabase } from '../database.js';

const HOUR = 3600;

/** Unix seconds of an ISO time. */
const at = (iso: string) => Date.parse(iso) / 1000;

describe('earnings.rollup of anything', () => {
  const ZONES = [
    ...['UTC', 'America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Kolkata'],
    ...['Pacific/Apia', 'America/Sao_Paulo', 'Asia/Kathmandu', 'Africa/Casablanca'],
  ];
  /** What a bucket holds, read off the zone's clock by Intl: never through our calendar. */
  const LABELS: Readonly<Record<BucketWidth, Intl.DateTimeFormatOptions>> = {
    hour: { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', hourCycle: 'h23' },
    day: { year: 'numeric', month: 'numeric', day: 'numeric' },
    week: { year: 'numeric', month: 'numeric', day: 'numeric', weekday: 'short' },
    month: { year: 'numeric', month: 'numeric' },
  };
  const labelOf = (by: BucketWidth, timeZone: string) => {
    const format = new Intl.DateTimeFormat('en-CA', { ...LABELS[by], timeZone });
    return (seconds: number) => format.format(seconds * 1000);
  };

  /** Weeks around the clock changes of a year: most runs cross one. */
  const SEASONS = [
    { min: at('2026-03-01T00:00Z'), max: at('2026-04-10T00:00Z') },
    { min: at('2026-09-20T00:00Z'), max: at('2026-11-10T00:00Z') },
  ] as const;
  const walk = fc.constantFrom(...SEASONS).chain((season) => {
    const time = fc.integer(season);
    return fc.record({
      earnings: fc.array(
        fc.record({
          earned_at: time,
          amount_msats: fc.nat(10 ** 9),
          source: fc.constantFrom(...EARNING_SOURCES),
        }),
        { maxLength: 12 },
      ),
      by: fc.constantFrom<BucketWidth>('hour', 'day', 'week', 'month'),
      timeZone: fc.constantFrom(...ZONES),
      range: fc.option(fc.tuple(time, time), { nil: undefined }),
    });
  });

  it('adds up to what inRange gives, each earning in the bucket of its local time', async () => {
    const { db, writeByAnother } = await testDatabase();
    await fc.assert(
      fc.asyncProperty(walk, async ({ earnings, by, timeZone, range }) => {
        await writeByAnother('delete from earnings');
        await Promise.all(earnings.map((e, i) => db.earnings.record({ ...e, id: String(i) })));
        const [start, end] = range ?? [];
        const given = start === undefined || end === undefined ? {} : { start, end };
        const buckets = await db.earnings.rollup({ by, timeZone, ...given });

        const inRange = await db.earnings.inRange(start ?? 0, end ?? 253_402_300_799);
        const sum = (amounts: readonly number[]) => amounts.reduce((a, b) => a + b, 0);
        expect(sum(buckets.map((b) => b.amount_msats))).toBe(
          sum(inRange.map((e) => e.amount_msats)),
        );
        expect(sum(buckets.map((b) => b.count))).toBe(inRange.length);

        const label = labelOf(by, timeZone);
        for (const [i, bucket] of buckets.entries()) {
          const next = buckets[i + 1]?.bucket_start ?? Number.POSITIVE_INFINITY;
          const held = inRange.filter(
            (e) => bucket.bucket_start <= e.earned_at && e.earned_at < next,
          );
          expect(bucket.count).toBe(held.length);
          expect(bucket.amount_msats).toBe(sum(held.map((e) => e.amount_msats)));
          expect(bucket.amount_msats).toBe(sum(Object.values(bucket.by_source)));
          if (by === 'week') {
            expect(label(bucket.bucket_start)).toContain('Mon');
            for (const e of held)
              expect(e.earned_at - bucket.bucket_start).toBeLessThan(170 * HOUR);
          } else {
            for (const e of held) expect(label(e.earned_at)).toBe(label(bucket.bucket_start));
            // The second before belongs to another bucket, but for an hour that comes twice.
            if (by !== 'hour') {
              expect(label(bucket.bucket_start - 1)).not.toBe(label(bucket.bucket_start));
            }
          }
        }
      }),
      { numRuns: 120 },
    );
  });
});
