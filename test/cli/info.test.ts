import { describe, expect, it } from 'vitest';
import { migratedFile } from './checked.js';
import { json, pylonDb } from './command.js';

const LARGEST = '9007199254740991';

/** SQL for an earning as another program stores it. */
function earning(id: string, amount: string, source: string): string {
  return `insert into earnings (id, amount_msats, source, earned_at)
    values ('${id}', ${amount}, '${source}', 1700000000);`;
}

const NO_EARNINGS = 'delete from earnings;';

describe('info gives each figure by itself:', () => {
  it('sums beyond a number are null, and the note and the line say why', async () => {
    const sql = [earning('a', LARGEST, 'other'), earning('b', LARGEST, 'other')];
    const path = await migratedFile(NO_EARNINGS + sql.join('') + earning('c', '5000', 'tip'));
    expect(await json(['info', '--db', path])).toMatchObject({
      jobs: { pending: expect.any(Number) },
      earnings: {
        total_msats: null,
        total_sats: null,
        job_count: 0,
        by_source: { job: 0, tip: 5000, other: null },
      },
      agents: { active: expect.any(Number) },
      notes: ['the earnings add up to more than 2^53-1 msats'],
    });
    const { exitCode, stdout } = await pylonDb(['info', '--db', path]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/\nearnings +unknown: the earnings add up .* · 0 paid jobs\n/);
    expect(stdout).toMatch(/\n {2}tip +5 sats\n {2}other +unknown: the earnings add up/);
  });

  it('sources that a number holds are given where their total is beyond one', async () => {
    const path = await migratedFile(
      NO_EARNINGS + earning('a', LARGEST, 'tip') + earning('b', LARGEST, 'other'),
    );
    expect(await json(['info', '--db', path])).toMatchObject({
      earnings: { total_msats: null, by_source: { job: 0, tip: +LARGEST, other: +LARGEST } },
    });
  });

  it.each(['9223372036854775807', '1.5', "'much'"])(
    'an amount of %s is named, and all else is given',
    async (amount) => {
      const path = await migratedFile(earning('absurd', amount, 'tip'));
      const info = await json(['info', '--db', path]);
      expect(info).toMatchObject({
        jobs: { pending: expect.any(Number) },
        earnings: { total_msats: null, job_count: expect.any(Number) },
        notes: [expect.stringContaining('absurd')],
      });
    },
  );

  it('a status that nobody knows leaves the earnings as they are', async () => {
    const path = await migratedFile(`update jobs set status = 'lost' where rowid = 1`);
    expect(await json(['info', '--db', path])).toMatchObject({
      jobs: null,
      earnings: { total_msats: expect.any(Number) },
      notes: [expect.stringContaining('jobs.status')],
    });
    const { stdout } = await pylonDb(['info', '--db', path]);
    expect(stdout).toMatch(/\njobs +unknown: jobs\.status of row /);
  });
});

describe('earnings --by', () => {
  it('adds its buckets up exactly, beyond what a number is', async () => {
    const path = await migratedFile(
      `${NO_EARNINGS}${earning('a', LARGEST, 'tip')}
       insert into earnings (id, amount_msats, source, earned_at)
         values ('b', ${LARGEST}, 'tip', 1700100000)`,
    );
    const { stdout } = await pylonDb(['earnings', '--by', 'day', '--db', path]);
    expect(stdout).toContain('total 18,014,398,509,481.982 sats in 2 earnings');
  });
});
