import { describe, expect, it } from 'vitest';
import { JOB_STATUSES, type Job, type JobStatus, type PylonDb } from '../../src/index.js';
import { testDatabase } from '../database.js';
import { NOON } from '../file.js';

// DESIGN §3, written out anew: what the code says must not decide what is right.
const LEGAL: Readonly<Record<JobStatus, string>> = {
  pending: 'processing completed failed cancelled',
  processing: 'pending completed failed cancelled',
  failed: 'pending processing completed',
  completed: '',
  cancelled: '',
};
const isLegal = (from: JobStatus, to: JobStatus) => LEGAL[from].split(' ').includes(to);
const isFinal = (status: JobStatus) => ['completed', 'failed', 'cancelled'].includes(status);

const ALL_PAIRS = JOB_STATUSES.flatMap((from) => JOB_STATUSES.map((to) => [from, to] as const));
const LEGAL_PAIRS = ALL_PAIRS.filter(([from, to]) => isLegal(from, to));
const OTHER_PAIRS = ALL_PAIRS.filter(([from, to]) => from !== to && !isLegal(from, to));

/** A minute before {@link NOON}: when the job was made. */
const EARLIER = NOON - 60;

async function jobThatIs(status: JobStatus) {
  const file = await testDatabase();
  const job = await file.db.jobs.create({
    id: 'a',
    kind: 5100,
    customer_pubkey: 'b',
    status,
    price_msats: 7,
    output_hash: 'kept',
    error_message: 'told',
    started_at: EARLIER,
    created_at: EARLIER,
    completed_at: isFinal(status) ? EARLIER : null,
  });
  return { ...file, job, row: async () => (await file.stored('select * from jobs'))[0] };
}

async function testJob(fields: Partial<Job>) {
  const database = await testDatabase();
  await database.db.jobs.create({ id: 'a', kind: 5100, customer_pubkey: 'b', ...fields });
  return { ...database, row: async () => (await database.stored('select * from jobs'))[0] };
}

/** Completed at {@link NOON} by the published `updateStatus`. */
async function completedJob(fields: Partial<Job>) {
  const database = await testJob({ status: 'processing', started_at: EARLIER, ...fields });
  await database.db.jobs.updateStatus('a', 'completed');
  return database;
}

function afterMove(job: Job, to: JobStatus): Job {
  return {
    ...job,
    status: to,
    started_at: to === 'processing' ? NOON : job.started_at,
    completed_at: isFinal(to) ? NOON : null,
    error_message: to === 'completed' ? null : job.error_message,
  };
}

const refusal = (from: JobStatus, to: JobStatus) => ({
  code: 'ILLEGAL_TRANSITION',
  id: 'a',
  from,
  to,
  details: { id: 'a', from, to },
});

describe('jobs.updateStatus', () => {
  it.each(LEGAL_PAIRS)('takes a job from %s to %s', async (from, to) => {
    const { db, job, row } = await jobThatIs(from);
    const moved = afterMove(job, to);
    expect(await db.jobs.updateStatus('a', to)).toEqual(moved);
    expect(await row()).toEqual(moved);
  });

  it.each(OTHER_PAIRS)('refuses to take a job from %s to %s', async (from, to) => {
    const { db, job, row } = await jobThatIs(from);
    await expect(db.jobs.updateStatus('a', to)).rejects.toMatchObject(refusal(from, to));
    await expect(db.jobs.updateStatus('a', to, { from })).rejects.toMatchObject(refusal(from, to));
    expect(await row()).toEqual(job);
  });

  it.each(JOB_STATUSES)('changes nothing of a job that is %s already', async (status) => {
    const { db, job, row } = await jobThatIs(status);
    expect(await db.jobs.updateStatus('a', status)).toEqual(job);
    expect(await row()).toEqual(job);
  });

  it.each(LEGAL_PAIRS)('takes a job from %s to %s when `from` names it', async (from, to) => {
    const { db, job, row } = await jobThatIs(from);
    const moved = afterMove(job, to);
    expect(await db.jobs.updateStatus('a', to, { from: [from, 'completed'] })).toEqual(moved);
    expect(await row()).toEqual(moved);
  });

  it.each(ALL_PAIRS)(
    'leaves a job that is %s when `from` names others (to %s)',
    async (from, to) => {
      const { db, job, row } = await jobThatIs(from);
      const others = JOB_STATUSES.filter((status) => status !== from);
      await expect(db.jobs.updateStatus('a', to, { from: others })).rejects.toMatchObject(
        refusal(from, to),
      );
      expect(await row()).toEqual(job);
    },
  );

  it.each(JOB_STATUSES)('with `from` is not a repeat: %s to itself is refused', async (status) => {
    const { db, job, row } = await jobThatIs(status);
    await expect(db.jobs.updateStatus('a', status, { from: status })).rejects.toMatchObject(
      refusal(status, status),
    );
    expect(await row()).toEqual(job);
  });
});

type Ending = [
  name: string,
  to: JobStatus,
  end: (db: PylonDb) => Promise<Job>,
  changes: Partial<Job>,
];
const ENDINGS: Ending[] = [
  [
    'complete',
    'completed',
    (db) => db.jobs.complete('a', { price_msats: 5, output_hash: 'new' }),
    { price_msats: 5, output_hash: 'new', error_message: null },
  ],
  [
    'complete without a hash',
    'completed',
    (db) => db.jobs.complete('a', { price_msats: 0 }),
    { price_msats: 0, output_hash: 'kept', error_message: null },
  ],
  [
    'completeWithPayment',
    'completed',
    async (db) => (await db.jobs.completeWithPayment('a', { price_msats: 5 })).job,
    { price_msats: 5, output_hash: 'kept', error_message: null },
  ],
  ['fail', 'failed', (db) => db.jobs.fail('a', ''), { error_message: '' }],
  ['cancel', 'cancelled', (db) => db.jobs.cancel('a'), {}],
];
const FROM_OPEN = ENDINGS.flatMap(([name, to, end, changes]) =>
  (['pending', 'processing', 'failed'] as const)
    .filter((from) => isLegal(from, to))
    .map((from) => [name, from, to, end, changes] as const),
);
const FROM_FINAL = ENDINGS.flatMap(([name, to, end]) =>
  (['completed', 'failed', 'cancelled'] as const)
    .filter((from) => from !== to && !isLegal(from, to))
    .map((from) => [name, from, to, end] as const),
);

describe('the end of a job', () => {
  it.each(FROM_OPEN)('%s: from %s to %s', async (_, from, status, end, changes) => {
    const { db, job, row } = await jobThatIs(from);
    const ended = { ...job, status, completed_at: NOON, ...changes };
    expect(await end(db)).toEqual(ended);
    expect(await row()).toEqual(ended);
  });

  it.each(FROM_FINAL)('%s: never from %s to %s', async (_, from, to, end) => {
    const { db, job, row, stored } = await jobThatIs(from);
    await expect(end(db)).rejects.toMatchObject(refusal(from, to));
    expect(await row()).toEqual(job);
    expect(await stored('select * from earnings')).toEqual([]);
  });
});

describe('a repeat', () => {
  it.each(ENDINGS)('of %s (to %s) gives the stored job and changes nothing', async (_, __, end) => {
    const { db, time, row } = await jobThatIs('processing');
    const ended = await end(db);
    time.now += 60;
    expect(await end(db)).toEqual(ended);
    expect(await row()).toEqual(ended);
  });

  it('of complete at another price keeps the first and throws', async () => {
    const { db, row } = await jobThatIs('processing');
    const first = await db.jobs.complete('a', { price_msats: 5000 });
    await expect(db.jobs.complete('a', { price_msats: 6000 })).rejects.toMatchObject(
      refusal('completed', 'completed'),
    );
    expect(await row()).toEqual(first);
  });

  it('of complete with another output hash keeps the first and throws', async () => {
    const { db, row } = await jobThatIs('processing');
    const first = await db.jobs.complete('a', { price_msats: 5, output_hash: 'x' });
    await expect(db.jobs.complete('a', { price_msats: 5, output_hash: 'y' })).rejects.toMatchObject(
      refusal('completed', 'completed'),
    );
    expect(await db.jobs.complete('a', { price_msats: 5 })).toEqual(first);
    expect(await row()).toEqual(first);
  });

  it('of fail with another message keeps the first and throws', async () => {
    const { db, row } = await jobThatIs('processing');
    const first = await db.jobs.fail('a', 'one');
    await expect(db.jobs.fail('a', 'two')).rejects.toMatchObject(refusal('failed', 'failed'));
    expect(await row()).toEqual(first);
  });
});

describe('a job that is completed already', () => {
  it('is given its price and output hash, as in the published order of calls', async () => {
    const { db, time, row } = await completedJob({});
    const completed = await row();
    time.now += 60;
    const filled = { ...completed, price_msats: 5000, output_hash: 'o' };
    expect(await db.jobs.complete('a', { output_hash: 'o', price_msats: 5000 })).toEqual(filled);
    expect(await row()).toEqual(filled);
  });

  it('is given an output hash that comes later, and keeps its price', async () => {
    const { db, row } = await completedJob({ price_msats: 5 });
    const filled = await db.jobs.complete('a', { output_hash: 'o', price_msats: 5 });
    expect(filled).toMatchObject({ price_msats: 5, output_hash: 'o', completed_at: NOON });
    expect(await row()).toEqual(filled);
  });

  it('is given the time that its creator left out', async () => {
    const { db, row } = await testJob({ status: 'completed', price_msats: 5 });
    expect(await db.jobs.complete('a', { price_msats: 5 })).toMatchObject({ completed_at: NOON });
    expect(await row()).toMatchObject({ completed_at: NOON });
  });

  it.each([
    ['price_msats', { price_msats: 6 }],
    ['output_hash', { price_msats: 5, output_hash: 'p' }],
    ['price_msats', { price_msats: 0, output_hash: 'o' }],
  ])('keeps its %s, and the hint names the field and the call for it', async (field, result) => {
    const { db, row } = await completedJob({ price_msats: 5, output_hash: 'o' });
    const before = await row();
    const hint = new RegExp(
      `given ${field} .* stored ${field}.* jobs.get .* earnings.recordForJob`,
    );
    await expect(db.jobs.complete('a', result)).rejects.toMatchObject({
      ...refusal('completed', 'completed'),
      hint: expect.stringMatching(hint),
    });
    expect(await row()).toEqual(before);
  });
});

it('gives a failed job the message that its move left out, and keeps the first', async () => {
  const { db, time, row } = await testJob({ status: 'processing' });
  await db.jobs.updateStatus('a', 'failed');
  time.now += 60;
  const failed = await db.jobs.fail('a', 'no model');
  expect(failed).toMatchObject({ error_message: 'no model', completed_at: NOON });
  await expect(db.jobs.fail('a', 'other')).rejects.toMatchObject({
    ...refusal('failed', 'failed'),
    hint: expect.stringContaining('error_message'),
  });
  expect(await row()).toEqual(failed);
});

it('starts a job anew each time it becomes processing, so that its worker has its time', async () => {
  const { db, time } = await testJob({ status: 'pending', started_at: EARLIER });
  await db.jobs.updateStatus('a', 'processing');
  expect(await db.jobs.requeueStale({ startedBefore: NOON })).toBe(0);
  time.now += 60;
  expect(await db.jobs.updateStatus('a', 'processing')).toMatchObject({ started_at: NOON });
  await db.jobs.fail('a', 'no model');
  expect(await db.jobs.updateStatus('a', 'processing')).toMatchObject({
    started_at: NOON + 60,
    completed_at: null,
  });
});

it.each([
  ['updateStatus', (db: PylonDb) => db.jobs.updateStatus('a', 'processing')],
  ['complete', (db: PylonDb) => db.jobs.complete('a', { price_msats: 1 })],
  ['fail', (db: PylonDb) => db.jobs.fail('a', 'no model')],
  ['cancel', (db: PylonDb) => db.jobs.cancel('a')],
])('reports a trigger that swallows %s, and changes nothing', async (_, move) => {
  const { db, swallow, row } = await testJob({ status: 'pending' });
  const before = await row();
  await swallow('before update on jobs');
  await expect(move(db)).rejects.toMatchObject({
    code: 'SCHEMA_MISMATCH',
    problems: ['a trigger on jobs kept job a from being stored'],
  });
  expect(await row()).toEqual(before);
});

it('gives a failed job another try, which keeps the old message until it completes', async () => {
  const { db } = await jobThatIs('processing');
  await db.jobs.fail('a', 'no model');
  expect(await db.jobs.updateStatus('a', 'pending')).toMatchObject({
    status: 'pending',
    completed_at: null,
    error_message: 'no model',
  });
  expect(await db.jobs.claimNext()).toMatchObject({ id: 'a', completed_at: null });
  expect(await db.jobs.complete('a', { price_msats: 1 })).toMatchObject({
    status: 'completed',
    completed_at: NOON,
    error_message: null,
    output_hash: 'kept',
  });
});

it('completes a job once, whichever of two programs comes first', async () => {
  const { db, open, stored } = await testDatabase();
  const other = await open();
  for (let round = 0; round < 20; round++) {
    const id = `job${round}`;
    await db.jobs.create({ id, kind: 1, customer_pubkey: 'b' });
    const outcomes = await Promise.allSettled([
      db.jobs.complete(id, { price_msats: 1 }),
      other.jobs.complete(id, { price_msats: 2 }),
    ]);
    const winners = outcomes.filter((outcome) => outcome.status === 'fulfilled');
    expect(winners).toHaveLength(1);
    expect(await stored('select * from jobs where id = ?', id)).toEqual([winners[0]?.value]);
  }
});
