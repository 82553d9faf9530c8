import { describe, expect, it } from 'vitest';
import { testDatabase } from '../database.js';

const PAID = {
  id: 'first',
  job_id: 'a',
  amount_msats: 5,
  source: 'job',
  payment_hash: 'h',
} as const;

async function paid() {
  const file = await testDatabase();
  await file.db.jobs.create({ id: 'a', kind: 1, customer_pubkey: 'b' });
  await file.db.jobs.create({ id: 'b', kind: 1, customer_pubkey: 'b' });
  const earning = await file.db.earnings.record(PAID);
  return { ...file, earning, all: () => file.literals('earnings') };
}

describe('a payment is recorded once', () => {
  it('repeated for the same job and amount gives the first earning', async () => {
    const { db, earning, time, all } = await paid();
    const before = await all();
    time.now += 60;
    expect(await db.earnings.record({ ...PAID, id: 'second', source: 'tip' })).toEqual(earning);
    expect(await db.earnings.record(PAID)).toEqual(earning);
    expect(await db.earnings.recordForJob('a', 5, { payment_hash: 'h' })).toBe('first');
    expect(await all()).toEqual(before);
  });

  it.each([
    ['another job', { job_id: 'b' }],
    ['no job', { job_id: null }],
    ['another amount', { amount_msats: 6 }],
  ])('throws for %s, naming the first', async (_, change) => {
    const { db, all } = await paid();
    const before = await all();
    const error = {
      code: 'DUPLICATE_PAYMENT',
      existingId: 'first',
      details: { existingId: 'first' },
    };
    const { job_id, amount_msats } = { ...PAID, ...change };
    await expect(db.earnings.record({ ...PAID, id: 'second', ...change })).rejects.toMatchObject(
      error,
    );
    if (job_id !== null) {
      await expect(
        db.earnings.recordForJob(job_id, amount_msats, { payment_hash: 'h' }),
      ).rejects.toMatchObject({ ...error, operation: 'earnings.recordForJob' });
    }
    expect(await all()).toEqual(before);
  });

  it('gives the earning of its hash, also when its id is that of another one', async () => {
    const { db, earning, all } = await paid();
    await db.earnings.record({ ...PAID, id: 'other', payment_hash: 'i', job_id: null });
    const before = await all();
    expect(await db.earnings.record({ ...PAID, id: 'other' })).toEqual(earning);
    expect(await all()).toEqual(before);
  });

  it('without a hash is not a repeat of anything', async () => {
    const { db, stored } = await paid();
    const unhashed = { job_id: 'a', amount_msats: 5, source: 'job', payment_hash: null } as const;
    await db.earnings.record({ ...unhashed, id: 'x' });
    await db.earnings.record({ ...unhashed, id: 'y' });
    expect(await stored('select count(*) as n from earnings')).toEqual([{ n: 3 }]);
  });

  it('once for a tip, which has no job', async () => {
    const { db } = await testDatabase();
    const tip = { amount_msats: 7, source: 'tip', payment_hash: 't' } as const;
    const first = await db.earnings.record({ ...tip, id: 'x' });
    expect(await db.earnings.record({ ...tip, id: 'y' })).toEqual(first);
  });

  it('takes the first of old duplicates in the file', async () => {
    const { db, all, writeByAnother } = await paid();
    await writeByAnother(`insert into earnings (id, job_id, amount_msats, source, payment_hash, earned_at) values
         ('z', 'a', 1, 'job', 'old', 1), ('b', 'b', 2, 'job', 'old', 1), ('a', 'a', 3, 'job', 'old', 2)`);
    const before = await all();
    expect(await db.earnings.byPaymentHash('old')).toMatchObject({ id: 'b' });
    expect(await db.earnings.recordForJob('b', 2, { payment_hash: 'old' })).toBe('b');
    await expect(db.earnings.recordForJob('a', 1, { payment_hash: 'old' })).rejects.toMatchObject({
      code: 'DUPLICATE_PAYMENT',
      existingId: 'b',
    });
    expect(await all()).toEqual(before);
  });

  it('even by many callers on two connections', async () => {
    const { db, open, stored } = await paid();
    const other = await open();
    const ids = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        (i % 2 === 0 ? db : other).earnings.recordForJob('b', 9, { payment_hash: 'new' }),
      ),
    );
    const rows = await stored("select id from earnings where payment_hash = 'new'");
    expect(rows).toEqual([{ id: ids[0] }]);
    expect(new Set(ids).size).toBe(1);
  });
});
