import { describe, expect, it } from 'vitest';
import type { Earning, NewEarning, PylonDb } from '../../src/index.js';
import { testDatabase } from '../database.js';
import { NOON } from '../file.js';

const TIP: NewEarning = { id: 'tip', amount_msats: 1, source: 'tip' };
const NEW_ID = /^earn-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** NOON's day starts here, in UTC. */
const MIDNIGHT = NOON - 12 * 3600;

async function fileWithJobs() {
  const file = await testDatabase();
  await file.db.jobs.create({ id: 'a', kind: 1, customer_pubkey: 'b' });
  await file.db.jobs.create({ id: 'b', kind: 1, customer_pubkey: 'b' });
  return { ...file, all: () => file.literals('jobs', 'earnings') };
}

describe('earnings.record', () => {
  it('stores every field that is given', async () => {
    const { db, stored } = await fileWithJobs();
    const earning: Earning = {
      id: 'earn-123',
      job_id: 'a',
      amount_msats: Number.MAX_SAFE_INTEGER,
      source: 'other',
      payment_hash: 'h',
      preimage: '☃',
      earned_at: 7,
    };
    expect(await db.earnings.record(earning)).toEqual(earning);
    expect(await stored('select * from earnings')).toEqual([earning]);
  });

  it('takes now and nothing for what is left out', async () => {
    const { db, stored } = await fileWithJobs();
    const earning = { ...TIP, job_id: null, payment_hash: null, preimage: null, earned_at: NOON };
    expect(await db.earnings.record(TIP)).toEqual(earning);
    expect(await stored('select * from earnings')).toEqual([earning]);
  });

  it('gives 0 for -0, as it is stored', async () => {
    const { db } = await fileWithJobs();
    const minus = { amount_msats: -0, earned_at: -0 };
    for (const payment_hash of [null, 'h']) {
      const earning = await db.earnings.record({
        ...TIP,
        id: `e${payment_hash}`,
        ...minus,
        payment_hash,
      });
      expect(earning).toMatchObject({ amount_msats: 0, earned_at: 0 });
      expect(await db.earnings.get(earning.id)).toEqual(earning);
    }
    for (const by of ['hour', 'day'] as const) {
      const [bucket] = await db.earnings.rollup({ by, start: -0, end: -0 });
      expect(bucket).toMatchObject({ bucket_start: 0, amount_msats: 0, count: 2 });
    }
  });

  it('refuses a known id and keeps the first', async () => {
    const { db, all } = await fileWithJobs();
    await db.earnings.record(TIP);
    const before = await all();
    await expect(db.earnings.record({ ...TIP, amount_msats: 2 })).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
      operation: 'earnings.record',
      entity: 'earning',
      id: 'tip',
      details: { entity: 'earning', id: 'tip' },
    });
    expect(await all()).toEqual(before);
  });

  it('refuses an unknown job by its id', async () => {
    const { db, all } = await fileWithJobs();
    const before = await all();
    const error = { code: 'NOT_FOUND', entity: 'job', id: 'nobody' };
    await expect(db.earnings.record({ ...TIP, job_id: 'nobody' })).rejects.toMatchObject(error);
    await expect(db.earnings.recordForJob('nobody', 1)).rejects.toMatchObject(error);
    expect(await all()).toEqual(before);
  });
});

describe('earnings.recordForJob', () => {
  it('stores a job earning under a new id', async () => {
    const { db, stored } = await fileWithJobs();
    const id = await db.earnings.recordForJob('a', 5000, { payment_hash: 'h', preimage: 'p' });
    expect(id).toMatch(NEW_ID);
    const earning = { id, job_id: 'a', amount_msats: 5000, source: 'job', payment_hash: 'h' };
    expect(await stored('select * from earnings')).toEqual([
      { ...earning, preimage: 'p', earned_at: NOON },
    ]);
  });

  it('needs no payment', async () => {
    const { db } = await fileWithJobs();
    const ids = [await db.earnings.recordForJob('a', 1), await db.earnings.recordForJob('a', 1)];
    expect(new Set(ids).size).toBe(2);
    expect(await db.earnings.forJob('a')).toHaveLength(2);
  });
});

describe('finds earnings', () => {
  it('by id, or gives undefined', async () => {
    const { db } = await fileWithJobs();
    const earning = await db.earnings.record(TIP);
    expect(await db.earnings.get('tip')).toEqual(earning);
    expect(await db.earnings.get('nothing')).toBeUndefined();
  });

  it('by payment hash, or gives undefined', async () => {
    const { db } = await fileWithJobs();
    const earning = await db.earnings.record({ ...TIP, payment_hash: 'h' });
    expect(await db.earnings.byPaymentHash('h')).toEqual(earning);
    expect(await db.earnings.byPaymentHash('nothing')).toBeUndefined();
  });

  it('by job, newest first, of every source', async () => {
    const { db } = await fileWithJobs();
    await db.earnings.record({ ...TIP, id: 'x', job_id: 'a', earned_at: 2 });
    await db.earnings.record({ ...TIP, id: 'y', job_id: 'a', source: 'job', earned_at: 3 });
    await db.earnings.record({ ...TIP, id: 'z', job_id: 'a', source: 'other', earned_at: 2 });
    await db.earnings.record({ ...TIP, id: 'other job', job_id: 'b' });
    const ids = (await db.earnings.forJob('a')).map((earning) => earning.id);
    expect(ids).toEqual(['y', 'z', 'x']);
    expect(await db.earnings.forJob('nobody')).toEqual([]);
  });

  it('that are the newest, ten unless the caller names another limit', async () => {
    const { db } = await fileWithJobs();
    for (let i = 10; i < 25; i++) {
      await db.earnings.record({ ...TIP, id: `tip${i}`, earned_at: Math.floor(i / 4) });
    }
    const ids = (earnings: readonly Earning[]) => earnings.map(({ id }) => id);
    const newest = ['tip24', 'tip23', 'tip22', 'tip21', 'tip20', 'tip19', 'tip18', 'tip17'];
    expect(ids(await db.earnings.recent())).toEqual([...newest, 'tip16', 'tip15']);
    expect(ids(await db.earnings.recent(8))).toEqual(newest);
    expect(await db.earnings.recent(10_000)).toHaveLength(15);
  });
});

describe('earnings.total and summary', () => {
  const summary = (db: PylonDb) => db.earnings.summary();

  it('are zero for an empty database, with every source', async () => {
    const { db } = await testDatabase();
    expect(await db.earnings.total()).toBe(0);
    expect(await summary(db)).toEqual({
      total_msats: 0,
      total_sats: 0,
      job_count: 0,
      by_source: { job: 0, tip: 0, other: 0 },
    });
  });

  it('truncate sats and count each paid job once, of whatever source', async () => {
    const { db } = await fileWithJobs();
    await db.earnings.record({ ...TIP, id: '1', job_id: 'a', source: 'job', amount_msats: 1500 });
    await db.earnings.record({ ...TIP, id: '2', job_id: 'a', source: 'job', amount_msats: 300 });
    await db.earnings.record({ ...TIP, id: '3', job_id: 'b', source: 'tip', amount_msats: 199 });
    await db.earnings.record({ ...TIP, id: '4', source: 'other', amount_msats: 1000 });
    expect(await db.earnings.total()).toBe(2999);
    expect(await summary(db)).toEqual({
      total_msats: 2999,
      total_sats: 2,
      job_count: 2,
      by_source: { job: 1800, tip: 199, other: 1000 },
    });
  });

  it('hold the largest number, and throw beyond it instead of rounding', async () => {
    const { db } = await testDatabase();
    await db.earnings.record({ ...TIP, id: '1', amount_msats: Number.MAX_SAFE_INTEGER - 1 });
    await db.earnings.record({ ...TIP, id: '2', source: 'other', amount_msats: 1 });
    expect(await db.earnings.total()).toBe(Number.MAX_SAFE_INTEGER);
    await db.earnings.record({ ...TIP, id: '3', amount_msats: 1 });
    const error = { code: 'OUT_OF_RANGE', table: 'earnings', column: 'amount_msats' };
    await expect(db.earnings.total()).rejects.toMatchObject(error);
    await expect(summary(db)).rejects.toMatchObject(error);
    await expect(db.earnings.today()).rejects.toMatchObject(error);
  });

  it('throw for a sum that 64 bits can not hold', async () => {
    const { db, stored } = await testDatabase();
    for (let i = 0; i < 1030; i += 10) {
      await Promise.all(
        Array.from({ length: 10 }, (_, j) =>
          db.earnings.record({ ...TIP, id: `${i + j}`, amount_msats: Number.MAX_SAFE_INTEGER }),
        ),
      );
    }
    await expect(db.earnings.total()).rejects.toMatchObject({ code: 'OUT_OF_RANGE' });
    expect(await stored('select count(*) as n from earnings')).toEqual([{ n: 1030 }]);
    expect(1030n * BigInt(Number.MAX_SAFE_INTEGER)).toBeGreaterThan(2n ** 63n - 1n);
  });
});

describe('earnings.today', () => {
  it('counts from midnight in UTC, with what is dated later', async () => {
    const { db, time } = await testDatabase();
    await db.earnings.record({ ...TIP, id: '1', amount_msats: 1, earned_at: MIDNIGHT - 1 });
    await db.earnings.record({ ...TIP, id: '2', amount_msats: 10, earned_at: MIDNIGHT });
    await db.earnings.record({ ...TIP, id: '3', amount_msats: 100, earned_at: NOON });
    await db.earnings.record({ ...TIP, id: '4', amount_msats: 1000, earned_at: NOON + 9e9 });
    expect(await db.earnings.today()).toBe(1110);
    time.now = MIDNIGHT;
    expect(await db.earnings.today()).toBe(1110);
    time.now = MIDNIGHT - 1;
    expect(await db.earnings.today()).toBe(1111);
    time.now = MIDNIGHT + 86_400;
    expect(await db.earnings.today()).toBe(1000);
  });
});
