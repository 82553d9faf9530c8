import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { itBesideOthers, testDatabase } from '../database.js';
import { Program } from '../faults/program.js';
import { NOON } from '../file.js';

const writer = new Program(join(import.meta.dirname, 'pair-writer.ts'));

const HOUR = 3600;

/** So many that their sums, asked for one by one, would not share a moment. */
const HOURS = 3000;
const EARLY = NOON - HOURS * HOUR;

/** Looks while another process writes; a summary takes a fraction of a rollup's time. */
const LOOKS = 12;
const SUMMARIES = 400;

/** Another process that writes pairs until the test ends. */
async function pairsByAnother(url: string): Promise<void> {
  const run = await writer.start([url, EARLY, NOON]);
  onTestFinished(async () => {
    run.child.stdin?.end();
    expect(await run.ended).toMatchObject({ exitCode: 0, stderr: '' });
  });
  await run.spoke();
}

describe('while another process writes pairs of earnings', () => {
  const RANGES = [
    ['a given range', { start: EARLY, end: NOON }],
    ['the first to the last earning', {}],
    ['the first earning to a given end', { end: NOON }],
  ] as const;

  itBesideOthers.each(RANGES)('a rollup over %s never sees half a pair', async (_, range) => {
    const { db, url } = await testDatabase();
    await pairsByAnother(url);
    const seen = new Set<number>();
    for (let look = 0; look < LOOKS; look++) {
      const buckets = await db.earnings.rollup({ by: 'hour', ...range });
      const [first, last] = [buckets[0]?.count, buckets.at(-1)?.count];
      expect(first).toBe(last);
      seen.add(first ?? 0);
    }
    expect(seen.size).toBeGreaterThan(1);
  });

  itBesideOthers('a summary never sees half a pair', async () => {
    const { db, url } = await testDatabase();
    await pairsByAnother(url);
    const seen = new Set<number>();
    for (let look = 0; look < SUMMARIES; look++) {
      const { total_msats, job_count } = await db.earnings.summary();
      expect(total_msats).toBe(2 * job_count);
      seen.add(job_count);
    }
    expect(seen.size).toBeGreaterThan(1);
  });
});
