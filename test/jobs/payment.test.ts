import { describe, expect, it } from 'vitest';
import { isPylonDbError } from '../../src/index.js';
import { testDatabase } from '../database.js';
import { NOON } from '../file.js';

const NEW_ID = /^earn-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const PAYMENT = { price_msats: 5000, payment_hash: 'h', preimage: 'p', output_hash: 'o' };

async function twoJobs() {
  const file = await testDatabase();
  const job = { kind: 1, customer_pubkey: 'b', status: 'processing' } as const;
  await file.db.jobs.create({ ...job, id: 'a' });
  await file.db.jobs.create({ ...job, id: 'b' });
  const all = () => file.literals('jobs', 'earnings');
  return { ...file, all };
}

describe('jobs.completeWithPayment', () => {
  it('completes the job and records its earning', async () => {
    const { db, stored } = await twoJobs();
    const { job, earning } = await db.jobs.completeWithPayment('a', PAYMENT);
    expect(job).toMatchObject({
      id: 'a',
      status: 'completed',
      price_msats: 5000,
      output_hash: 'o',
      completed_at: NOON,
    });
    expect(earning).toEqual({
      id: expect.stringMatching(NEW_ID),
      job_id: 'a',
      amount_msats: 5000,
      source: 'job',
      payment_hash: 'h',
      preimage: 'p',
      earned_at: NOON,
    });
    expect(await stored("select * from jobs where id = 'a'")).toEqual([job]);
    expect(await stored('select * from earnings')).toEqual([earning]);
  });

  it('needs no payment hash', async () => {
    const { db } = await twoJobs();
    const { earning } = await db.jobs.completeWithPayment('a', { price_msats: 0 });
    expect(earning).toMatchObject({ amount_msats: 0, payment_hash: null, preimage: null });
  });

  it.each([
    ['with a hash', PAYMENT],
    ['without one', { price_msats: 5000 }],
    ['with null for one', { price_msats: 5000, payment_hash: null, output_hash: null }],
  ])('repeated %s gives what is stored', async (_, payment) => {
    const { db, time, all } = await twoJobs();
    const first = await db.jobs.completeWithPayment('a', payment);
    const before = await all();
    time.now += 60;
    expect(await db.jobs.completeWithPayment('a', payment)).toEqual(first);
    expect(await all()).toEqual(before);
  });

  it.each([
    ['another price', { ...PAYMENT, price_msats: 6000 }, 'DUPLICATE_PAYMENT'],
    ['another payment', { ...PAYMENT, payment_hash: 'other' }, 'DUPLICATE_PAYMENT'],
    ['another preimage', { ...PAYMENT, preimage: 'other' }, 'DUPLICATE_PAYMENT'],
    ['no payment hash', { price_msats: 5000 }, 'ILLEGAL_TRANSITION'],
    ['another output hash', { ...PAYMENT, output_hash: 'other' }, 'ILLEGAL_TRANSITION'],
  ])('repeated with %s keeps the first and throws', async (_, payment, code) => {
    const { db, all } = await twoJobs();
    await db.jobs.completeWithPayment('a', PAYMENT);
    const before = await all();
    await expect(db.jobs.completeWithPayment('a', payment)).rejects.toMatchObject({ code });
    expect(await all()).toEqual(before);
  });

  it('leaves the job open when the payment stands for another job', async () => {
    const { db, all } = await twoJobs();
    const { earning } = await db.jobs.completeWithPayment('a', PAYMENT);
    const before = await all();
    await expect(db.jobs.completeWithPayment('b', PAYMENT)).rejects.toMatchObject({
      code: 'DUPLICATE_PAYMENT',
      existingId: earning.id,
      operation: 'jobs.completeWithPayment',
      details: { existingId: earning.id },
    });
    expect(await all()).toEqual(before);
  });

  it('completes a job whose payment was recorded before, and records it no second time', async () => {
    const { db, stored } = await twoJobs();
    const id = await db.earnings.recordForJob('a', 5000, { payment_hash: 'h' });
    const { job, earning } = await db.jobs.completeWithPayment('a', PAYMENT);
    expect(job.status).toBe('completed');
    expect(earning.id).toBe(id);
    expect(await stored('select id from earnings')).toEqual([{ id }]);
  });

  it('records nothing for a job that is cancelled', async () => {
    const { db, all } = await twoJobs();
    await db.jobs.cancel('a');
    const before = await all();
    await expect(db.jobs.completeWithPayment('a', PAYMENT)).rejects.toMatchObject({
      code: 'ILLEGAL_TRANSITION',
      id: 'a',
      from: 'cancelled',
      to: 'completed',
    });
    expect(await all()).toEqual(before);
  });

  it('records one earning, however many callers on two connections repeat it', async () => {
    const { db, open, stored } = await twoJobs();
    const other = await open();
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        (i % 2 === 0 ? db : other).jobs.completeWithPayment('a', PAYMENT),
      ),
    );
    const [earning] = await stored('select * from earnings');
    expect(await stored('select count(*) as n from earnings')).toEqual([{ n: 1 }]);
    for (const result of results) expect(result.earning).toEqual(earning);
  });

  it('takes the first of old duplicates of a payment, as a repeat of it', async () => {
    const { db, writeByAnother } = await twoJobs();
    await writeByAnother(`insert into earnings (id, job_id, amount_msats, source, payment_hash, earned_at)
       values ('first', 'a', 5000, 'job', 'h', 1), ('second', 'b', 5000, 'job', 'h', 2)`);
    // The call was an endless loop once.
    const result = await db.jobs.completeWithPayment('a', PAYMENT);
    await db.close();
    expect(result).toMatchObject({ job: { status: 'completed' }, earning: { id: 'first' } });
  });

  it('belongs whole to an outer transaction', async () => {
    const { db, all } = await twoJobs();
    const before = await all();
    const rollback = new Error('changed my mind');
    const running = db.transaction(async (tx) => {
      await tx.jobs.completeWithPayment('a', PAYMENT);
      const failed = await tx.jobs.completeWithPayment('b', PAYMENT).catch((error) => error);
      expect(isPylonDbError(failed, 'DUPLICATE_PAYMENT')).toBe(true);
      expect(await tx.jobs.get('b')).toMatchObject({ status: 'processing' });
      throw rollback;
    });
    await expect(running).rejects.toBe(rollback);
    expect(await all()).toEqual(before);
  });
});
