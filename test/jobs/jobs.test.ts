import { describe, expect, it } from 'vitest';
import { JOB_STATUSES, type Job, type NewJob } from '../../src/index.js';
import { testDatabase } from '../database.js';
import { NOON } from '../file.js';

const JOB: NewJob = { id: 'a', kind: 5100, customer_pubkey: 'npub' };
const FULL: Job = {
  id: 'event123',
  kind: 65_535,
  customer_pubkey: 'abc',
  status: 'failed',
  price_msats: Number.MAX_SAFE_INTEGER,
  input_hash: 'in',
  output_hash: 'out',
  error_message: 'Inference error: “☃”\n𝄞',
  started_at: 2,
  completed_at: 3,
  created_at: 1,
};

describe('jobs.create', () => {
  it('stores every field that is given', async () => {
    const { db, stored } = await testDatabase();
    expect(await db.jobs.create(FULL)).toEqual(FULL);
    expect(await stored('select * from jobs')).toEqual([FULL]);
  });

  it('takes defaults for what is left out: pending, price 0, both times now', async () => {
    const { db, stored } = await testDatabase();
    const job = {
      ...JOB,
      status: 'pending',
      price_msats: 0,
      started_at: NOON,
      created_at: NOON,
      input_hash: null,
      output_hash: null,
      error_message: null,
      completed_at: null,
    };
    expect(await db.jobs.create(JOB)).toEqual(job);
    expect(await stored('select * from jobs')).toEqual([job]);
  });

  it('gives 0 for -0, as it is stored', async () => {
    const { db, time } = await testDatabase();
    const zeros = { kind: 0, price_msats: 0, started_at: 0, completed_at: 0, created_at: 0 };
    const minus = { kind: -0, price_msats: -0, started_at: -0, completed_at: -0, created_at: -0 };
    const created = await db.jobs.create({ ...JOB, status: 'completed', ...minus });
    // A subset is compared with Object.is, which tells -0 from 0.
    expect(created).toMatchObject(zeros);
    expect(await db.jobs.get('a')).toEqual(created);
    time.now = -0;
    const atZero = await db.jobs.create({ ...JOB, id: 'b' });
    expect(atZero).toMatchObject({ started_at: 0, created_at: 0 });
    expect(await db.jobs.complete('b', { price_msats: -0 })).toMatchObject({
      price_msats: 0,
      completed_at: 0,
    });
    await db.jobs.create({ ...JOB, id: 'c' });
    const paid = await db.jobs.completeWithPayment('c', { price_msats: -0 });
    expect(paid).toMatchObject({
      job: { price_msats: 0 },
      earning: { amount_msats: 0, earned_at: 0 },
    });
  });

  it('counts undefined as left out', async () => {
    const { db } = await testDatabase();
    const unset: object = { status: undefined, price_msats: undefined, created_at: undefined };
    const job = await db.jobs.create({ ...JOB, ...unset });
    expect(job).toMatchObject({ status: 'pending', price_msats: 0, created_at: NOON });
  });

  it('refuses a known id and keeps the first job', async () => {
    const { db, stored } = await testDatabase();
    await db.jobs.create(FULL);
    await expect(db.jobs.create({ ...JOB, id: FULL.id })).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
      operation: 'jobs.create',
      entity: 'job',
      id: FULL.id,
      details: { entity: 'job', id: FULL.id },
    });
    expect(await stored('select * from jobs')).toEqual([FULL]);
  });

  it('stores the values of the moment of the call', async () => {
    const { db, stored } = await testDatabase();
    const job = { ...JOB };
    const creating = db.jobs.create(job);
    job.id = 'changed';
    await creating;
    expect(await stored('select id from jobs')).toEqual([{ id: 'a' }]);
  });
});

describe('jobs.get', () => {
  it('gives what another program stored', async () => {
    const { db, open } = await testDatabase();
    await (await open()).jobs.create(FULL);
    expect(await db.jobs.get(FULL.id)).toEqual(FULL);
  });

  it('gives undefined for an unknown id', async () => {
    const { db } = await testDatabase();
    expect(await db.jobs.get('nobody')).toBeUndefined();
  });
});

describe('an unknown id', () => {
  it.each([
    ['updateStatus', 'jobs.updateStatus'],
    ['complete', 'jobs.complete'],
    ['completeWithPayment', 'jobs.completeWithPayment'],
    ['fail', 'jobs.fail'],
    ['cancel', 'jobs.cancel'],
  ] as const)('is NOT_FOUND to %s', async (method, operation) => {
    const { db, literals } = await testDatabase();
    const calls = {
      updateStatus: () => db.jobs.updateStatus('nobody', 'failed'),
      complete: () => db.jobs.complete('nobody', { price_msats: 1 }),
      completeWithPayment: () => db.jobs.completeWithPayment('nobody', { price_msats: 1 }),
      fail: () => db.jobs.fail('nobody', 'broken'),
      cancel: () => db.jobs.cancel('nobody'),
    };
    await expect(calls[method]()).rejects.toMatchObject({
      code: 'NOT_FOUND',
      operation,
      entity: 'job',
      id: 'nobody',
      details: { entity: 'job', id: 'nobody' },
    });
    expect(await literals('jobs', 'earnings')).toEqual({ jobs: [], earnings: [] });
  });
});

describe('jobs.countByStatus', () => {
  it('gives all five statuses, zeros included', async () => {
    const { db } = await testDatabase();
    const none = { pending: 0, processing: 0, completed: 0, failed: 0, cancelled: 0 };
    expect(await db.jobs.countByStatus()).toEqual(none);
    for (const [i, status] of JOB_STATUSES.entries()) {
      for (let n = 0; n < i; n++) await db.jobs.create({ ...JOB, id: `${status}${n}`, status });
    }
    expect(await db.jobs.countByStatus()).toEqual({
      pending: 0,
      processing: 1,
      completed: 2,
      failed: 3,
      cancelled: 4,
    });
    await db.jobs.updateStatus('processing0', 'completed');
    expect(await db.jobs.countByStatus()).toMatchObject({ processing: 0, completed: 3 });
  });
});

describe('jobs.requeueStale', () => {
  it('puts processing jobs that started before the moment back to pending', async () => {
    const { db, stored } = await testDatabase();
    await db.jobs.create({
      ...JOB,
      id: 'old',
      status: 'processing',
      started_at: 99,
      completed_at: 7,
    });
    await db.jobs.create({ ...JOB, id: 'young', status: 'processing', started_at: 100 });
    await db.jobs.create({
      ...JOB,
      id: 'done',
      status: 'completed',
      started_at: 1,
      completed_at: 2,
    });
    await db.jobs.create({
      ...JOB,
      id: 'failed',
      status: 'failed',
      started_at: 1,
      completed_at: 2,
    });
    expect(await db.jobs.requeueStale({ startedBefore: 100 })).toBe(1);
    expect(await stored('select id, status, completed_at from jobs order by id')).toEqual([
      { id: 'done', status: 'completed', completed_at: 2 },
      { id: 'failed', status: 'failed', completed_at: 2 },
      { id: 'old', status: 'pending', completed_at: null },
      { id: 'young', status: 'processing', completed_at: null },
    ]);
    expect(await db.jobs.requeueStale({ startedBefore: 100 })).toBe(0);
  });

  it('lets the job be claimed again', async () => {
    const { db, time } = await testDatabase();
    await db.jobs.create(JOB);
    await db.jobs.claimNext();
    time.now += 60;
    expect(await db.jobs.requeueStale({ startedBefore: time.now })).toBe(1);
    expect(await db.jobs.claimNext()).toMatchObject({ id: 'a', started_at: time.now });
  });
});

it('keeps a clock that gives no whole seconds out of the file', async () => {
  const { db, stored } = await testDatabase({ clock: () => 1_782_907_200.5 });
  await expect(db.jobs.create(JOB)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    field: 'clock',
  });
  expect(await stored('select * from jobs')).toEqual([]);
});
