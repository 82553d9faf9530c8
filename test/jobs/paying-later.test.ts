import { describe, expect, it } from 'vitest';
import type { PylonDb } from '../../src/index.js';
import { testDatabase } from '../database.js';
import { NOON } from '../file.js';

const PAYMENT = { price_msats: 5000, payment_hash: 'h', preimage: 'p' };

async function job(prepare: (db: PylonDb) => Promise<unknown>) {
  const database = await testDatabase();
  const { db, time, stored, literals } = database;
  await db.jobs.create({ id: 'a', kind: 1, customer_pubkey: 'b', status: 'processing' });
  await prepare(db);
  time.now += 60;
  return {
    ...database,
    all: () => literals('jobs', 'earnings'),
    earnings: () => stored('select * from earnings'),
    jobRow: async () => (await stored('select * from jobs'))[0],
  };
}

type Way = readonly [name: string, prepare: (db: PylonDb) => Promise<unknown>];

const UNPAID: readonly Way[] = [
  ['at price 0', (db) => db.jobs.complete('a', { price_msats: 0, output_hash: 'o' })],
  ['by updateStatus', (db) => db.jobs.updateStatus('a', 'completed')],
  ['at its price', (db) => db.jobs.complete('a', { price_msats: 5000 })],
  [
    'and given its price later',
    async (db) => {
      await db.jobs.complete('a', { price_msats: 0 });
      await db.jobs.complete('a', { price_msats: 5000 });
    },
  ],
];

describe('a job that was completed', () => {
  it.each(UNPAID)('%s is paid later, once', async (_, complete) => {
    const { db, all, earnings, jobRow } = await job(complete);
    const paid = await db.jobs.completeWithPayment('a', { ...PAYMENT, output_hash: 'o' });
    expect(paid.job).toMatchObject({
      status: 'completed',
      price_msats: 5000,
      output_hash: 'o',
      completed_at: NOON,
    });
    expect(paid.earning).toMatchObject({ job_id: 'a', amount_msats: 5000, earned_at: NOON + 60 });
    expect(await jobRow()).toEqual(paid.job);
    expect(await earnings()).toEqual([paid.earning]);
    const before = await all();
    expect(await db.jobs.completeWithPayment('a', PAYMENT)).toEqual(paid);
    await expect(
      db.jobs.completeWithPayment('a', { ...PAYMENT, payment_hash: 'other' }),
    ).rejects.toMatchObject({ code: 'DUPLICATE_PAYMENT', existingId: paid.earning.id });
    expect(await all()).toEqual(before);
  });

  it('at another price is not paid, and the hint names the field and the call', async () => {
    const { db, all } = await job((db) => db.jobs.complete('a', { price_msats: 4000 }));
    const before = await all();
    await expect(db.jobs.completeWithPayment('a', PAYMENT)).rejects.toMatchObject({
      code: 'ILLEGAL_TRANSITION',
      hint: expect.stringMatching(/price_msats.*earnings\.recordForJob/),
    });
    expect(await all()).toEqual(before);
  });
});

it('a failed job that succeeds after all is completed and paid', async () => {
  const { db, earnings } = await job((db) => db.jobs.fail('a', 'no model'));
  const paid = await db.jobs.completeWithPayment('a', PAYMENT);
  expect(paid.job).toMatchObject({
    status: 'completed',
    error_message: null,
    completed_at: NOON + 60,
  });
  expect(await earnings()).toEqual([paid.earning]);
});

const UNHASHED: readonly Way[] = [
  ['completeWithPayment', (db) => db.jobs.completeWithPayment('a', { price_msats: 5000 })],
  ['recordForJob of an open job', (db) => db.earnings.recordForJob('a', 5000)],
  [
    'recordForJob of a completed job',
    async (db) => {
      await db.jobs.complete('a', { price_msats: 5000 });
      await db.earnings.recordForJob('a', 5000);
    },
  ],
];

describe('an earning without a hash', () => {
  it.each(UNHASHED)('by %s takes the hash that comes later', async (_, pay) => {
    const { db, earnings } = await job(pay);
    const [before] = await earnings();
    const { job: completed, earning } = await db.jobs.completeWithPayment('a', PAYMENT);
    expect(completed).toMatchObject({ status: 'completed', price_msats: 5000 });
    expect(earning).toEqual({ ...before, payment_hash: 'h', preimage: 'p' });
    expect(await earnings()).toEqual([earning]);
  });

  it.each(UNHASHED)('by %s is what a call without one gives', async (_, pay) => {
    const { db, earnings } = await job(pay);
    const { earning } = await db.jobs.completeWithPayment('a', { price_msats: 5000 });
    expect(await earnings()).toEqual([earning]);
  });

  it('with another preimage is another payment', async () => {
    const { db, all } = await job((db) =>
      db.jobs.completeWithPayment('a', { price_msats: 5000, preimage: 'other' }),
    );
    const before = await all();
    await expect(db.jobs.completeWithPayment('a', PAYMENT)).rejects.toMatchObject({
      code: 'DUPLICATE_PAYMENT',
    });
    expect(await all()).toEqual(before);
  });

  it('gives way to the earning for which the hash stands', async () => {
    const { db, earnings } = await job(async (db) => {
      await db.earnings.recordForJob('a', 5000);
      await db.earnings.recordForJob('a', 5000, { payment_hash: 'h' });
    });
    const { earning } = await db.jobs.completeWithPayment('a', PAYMENT);
    expect(earning).toMatchObject({ payment_hash: 'h', preimage: 'p' });
    expect(await earnings()).toHaveLength(2);
  });
});

it('a call without a hash does not complete a job that is paid by a hash', async () => {
  const { db, all } = await job((db) => db.earnings.recordForJob('a', 5000, { payment_hash: 'h' }));
  const before = await all();
  await expect(db.jobs.completeWithPayment('a', { price_msats: 5000 })).rejects.toMatchObject({
    code: 'DUPLICATE_PAYMENT',
  });
  expect(await all()).toEqual(before);
});

it('a tip for no job becomes the payment of the job that names its hash', async () => {
  const { db, earnings } = await job((db) =>
    db.earnings.record({ id: 't', amount_msats: 5000, source: 'tip', payment_hash: 'h' }),
  );
  const { earning } = await db.jobs.completeWithPayment('a', PAYMENT);
  expect(earning).toMatchObject({ id: 't', job_id: 'a', source: 'tip', preimage: 'p' });
  expect(await earnings()).toEqual([earning]);
});

it('a job that a tip paid by its hash is not paid by another hash as well', async () => {
  const { db, all } = await job(async (db) => {
    await db.earnings.record({ id: 't', amount_msats: 5000, source: 'tip', payment_hash: 'h' });
    await db.jobs.completeWithPayment('a', PAYMENT);
  });
  const before = await all();
  await expect(
    db.jobs.completeWithPayment('a', { ...PAYMENT, payment_hash: 'other', preimage: null }),
  ).rejects.toMatchObject({ code: 'DUPLICATE_PAYMENT', existingId: 't' });
  expect(await all()).toEqual(before);
});

it.each(['before insert on earnings', 'after insert on earnings', 'before update on jobs'])(
  'a trigger %s that swallows the row is reported, and neither job nor earning is stored',
  async (event) => {
    const { db, all, swallow } = await job(async () => undefined);
    const before = await all();
    await swallow(event);
    await expect(db.jobs.completeWithPayment('a', PAYMENT)).rejects.toMatchObject({
      code: 'SCHEMA_MISMATCH',
      problems: [expect.stringContaining('a trigger on')],
    });
    expect(await all()).toEqual(before);
  },
);

it('a trigger that keeps an earning from taking its hash is reported', async () => {
  const { db, all, swallow } = await job((db) =>
    db.jobs.completeWithPayment('a', { price_msats: 5000 }),
  );
  const before = await all();
  await swallow('before update on earnings');
  await expect(db.jobs.completeWithPayment('a', PAYMENT)).rejects.toMatchObject({
    code: 'SCHEMA_MISMATCH',
  });
  expect(await all()).toEqual(before);
});

it('many programs that pay one completed job record one earning', async () => {
  const { db, open, earnings } = await job((db) => db.jobs.complete('a', { price_msats: 5000 }));
  const other = await open();
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, (_, i) =>
      (i % 2 === 0 ? db : other).jobs.completeWithPayment('a', {
        price_msats: 5000,
        output_hash: i % 3 === 0 ? 'o' : null,
        payment_hash: i % 4 < 2 ? `h${i % 4}` : null,
      }),
    ),
  );
  expect(await earnings()).toHaveLength(1);
  expect(outcomes.some(({ status }) => status === 'fulfilled')).toBe(true);
});
