import { describe, expect, it } from 'vitest';
import type { PylonDb } from '../../src/index.js';
import { testDatabase } from '../database.js';
import { NOON, testFile, writeByAnother } from '../file.js';

const HOUR = 3600;

/** A file with one earning, and a PylonDb on it that another program interrupts with SQL. */
async function interrupted(after: RegExp, ...interruptions: readonly string[]) {
  const { path, db, open } = await testFile();
  await db.earnings.record({ id: 'a', amount_msats: 1, source: 'tip', earned_at: NOON });
  const left = [...interruptions];
  return await open({
    onQuery: ({ sql }) => {
      const interruption = after.test(sql) ? left.shift() : undefined;
      if (interruption !== undefined) writeByAnother(path, interruption);
    },
  });
}

const insert = (id: string, earned_at: number) =>
  `insert into earnings (id, amount_msats, source, earned_at) values ('${id}', 2, 'tip', ${earned_at})`;

describe('a rollup without start and end', () => {
  const LOOK_AT_LAST = /from "earnings" order by "earned_at" desc/;

  it('has buckets for earnings that came after it had looked for the first and the last', async () => {
    const db = await interrupted(
      LOOK_AT_LAST,
      `${insert('early', NOON - 3 * HOUR)}; ${insert('late', NOON + 2 * HOUR)}`,
      insert('later', NOON + 3 * HOUR),
    );
    const counts = (await db.earnings.rollup({ by: 'hour' })).map(({ count }) => count);
    expect(counts).toEqual([1, 0, 0, 1, 0, 1, 1]);
  });

  it('counts an earning that came into its last bucket meanwhile', async () => {
    const db = await interrupted(LOOK_AT_LAST, insert('late', NOON + HOUR - 1));
    expect(await db.earnings.rollup({ by: 'hour' })).toMatchObject([{ amount_msats: 3, count: 2 }]);
  });

  it('is empty when all earnings went away meanwhile', async () => {
    const db = await interrupted(LOOK_AT_LAST, 'delete from earnings');
    expect(await db.earnings.rollup({ by: 'hour' })).toEqual([]);
  });
});

it('a summary counts no job of which its sums lack the earning', async () => {
  const { path, open } = await testFile();
  const db = await open({
    onQuery: ({ sql }) => {
      if (!sql.includes('pylon_db_earning_totals')) return;
      writeByAnother(
        path,
        `insert into earnings (id, job_id, amount_msats, source, earned_at)
         values (hex(randomblob(8)), hex(randomblob(8)), 1, 'job', ${NOON})`,
      );
    },
  });
  for (let look = 0; look < 20; look++) {
    // After a read that was alone, others run at once: each would have its own instant.
    await db.jobs.get('none');
    const { total_msats, job_count } = await db.earnings.summary();
    expect(total_msats).toBe(job_count);
  }
});

describe('a row that is repaired between the sums and the look at it', () => {
  const repair = "update earnings set amount_msats = 5 where id = 'bad'";
  const SUMS = [
    ['total', /pylon_db_earning_totals/, (db) => db.earnings.total(), 6],
    ['today', /sum_0/, (db) => db.earnings.today(), 6],
    [
      'summary',
      /pylon_db_earning_totals/,
      async (db) => (await db.earnings.summary()).by_source.tip,
      6,
    ],
    [
      'rollup',
      /json_each/,
      async (db) => (await db.earnings.rollup({ by: 'day', start: NOON, end: NOON }))[0]?.count,
      2,
    ],
  ] as const satisfies readonly (readonly [
    string,
    RegExp,
    (db: Awaited<ReturnType<typeof interrupted>>) => Promise<unknown>,
    number,
  ])[];

  it.each(SUMS)('is counted by %s', async (_, after, sum, expected) => {
    const { path, db, open } = await testFile();
    await db.earnings.record({ id: 'a', amount_msats: 1, source: 'tip' });
    await db.earnings.record({ id: 'bad', amount_msats: 2, source: 'tip' });
    writeByAnother(path, "update earnings set amount_msats = 'much' where id = 'bad'");
    const reader = await open({
      onQuery: ({ sql }) => {
        if (after.test(sql)) writeByAnother(path, repair);
      },
    });
    expect(await sum(reader)).toBe(expected);
  });

  it('is counted by countByStatus', async () => {
    const { path, db, open } = await testFile();
    await db.jobs.create({ id: 'bad', kind: 1, customer_pubkey: 'c' });
    writeByAnother(path, "update jobs set status = 'lost'");
    const reader = await open({
      onQuery: ({ sql }) => {
        if (!sql.includes('pylon_db_job_totals')) return;
        writeByAnother(path, "update jobs set status = 'failed'");
      },
    });
    expect(await reader.jobs.countByStatus()).toMatchObject({ failed: 1 });
  });
});

describe('totals that count a wrong row which is not there', () => {
  it.each([
    ['pylon_db_earning_totals', 'source', 'total'],
    ['pylon_db_earning_totals', 'source', 'summary'],
    ['pylon_db_job_totals', 'status', 'countByStatus'],
  ] as const)('%s are named, by %s of %s', async (table, column, call) => {
    const { db, writeByAnother: write } = await testDatabase();
    await write(
      table === 'pylon_db_earning_totals'
        ? "update pylon_db_earning_hours set count = 1 where hour = 9223372036854775807 and source = 'invalid'"
        : `update ${table} set count = 1 where ${column} = 'invalid'`,
    );
    const answer = call === 'countByStatus' ? db.jobs.countByStatus() : db.earnings[call]();
    await expect(answer).rejects.toMatchObject({
      code: 'CORRUPT_ROW',
      table,
      column: 'count',
      key: 'invalid',
    });
  });

  it.each([
    ['today', (db) => db.earnings.today()],
    ['rollup', (db) => db.earnings.rollup({ by: 'day', start: NOON, end: NOON + HOUR })],
  ] as const satisfies readonly (readonly [string, (db: PylonDb) => Promise<unknown>])[])(
    'by the hour are named, by %s',
    async (_, sum) => {
      const { path, db, open } = await testFile();
      const reader = await open({ clock: () => NOON });
      await db.earnings.record({ id: 'a', amount_msats: 1, source: 'tip', earned_at: NOON });
      writeByAnother(path, "update pylon_db_earning_hours set source = 'invalid' where hour < 1e9");
      await expect(sum(reader)).rejects.toMatchObject({
        code: 'CORRUPT_ROW',
        table: 'pylon_db_earning_hours',
        key: 'invalid',
      });
    },
  );
});
