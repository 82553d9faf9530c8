import { describe, expect, it } from 'vitest';
import type { NewJob } from '../../src/index.js';
import {
  expectRefused,
  expectUnknownFieldRefused,
  type FieldCase,
  fieldsOf,
  optional,
  required,
} from '../bad-input.js';
import { testDatabase } from '../database.js';

const JOB: NewJob = { id: 'new', kind: 5100, customer_pubkey: 'npub' };
const PAID = { price_msats: 1 };
const ROW = { created_at: 1, id: 'a' };

const JOB_FIELDS = {
  id: 'key',
  kind: 'kind',
  customer_pubkey: 'key',
  status: 'word',
  price_msats: 'integer',
  input_hash: 'text or null',
  output_hash: 'text or null',
  error_message: 'text or null',
  started_at: 'time',
  completed_at: 'time or null',
  created_at: 'time',
} as const;

const CREATE = fieldsOf('jobs.create', JOB, JOB_FIELDS, (db, job) => db.jobs.create(job));

const CREATE_IF_NEW = fieldsOf('jobs.createIfNew', JOB, JOB_FIELDS, (db, job) =>
  db.jobs.createIfNew(job),
);

const COMPLETE = fieldsOf(
  'jobs.complete',
  PAID,
  { price_msats: 'integer', output_hash: 'text or null' },
  (db, result) => db.jobs.complete('a', result),
);

const PAY = fieldsOf(
  'jobs.completeWithPayment',
  PAID,
  {
    price_msats: 'integer',
    output_hash: 'text or null',
    payment_hash: 'key or null',
    preimage: 'text or null',
  },
  (db, payment) => db.jobs.completeWithPayment('a', payment),
);

const LIST = fieldsOf(
  'jobs.list',
  {},
  { status: 'word', customer_pubkey: 'key', limit: 'limit' },
  (db, options) => db.jobs.list(options),
);

const ARGUMENTS: readonly FieldCase[] = [
  required('jobs.create', 'job', 'object', (db, v) => db.jobs.create(v)),
  required('jobs.createIfNew', 'job', 'object', (db, v) => db.jobs.createIfNew(v)),
  required('jobs.get', 'id', 'key', (db, v) => db.jobs.get(v)),
  required('jobs.updateStatus', 'id', 'key', (db, v) => db.jobs.updateStatus(v, 'failed')),
  required('jobs.updateStatus', 'status', 'word', (db, v) => db.jobs.updateStatus('a', v)),
  optional('jobs.updateStatus', 'options', 'object', (db, v) =>
    db.jobs.updateStatus('a', 'failed', v),
  ),
  required('jobs.updateStatus', 'from[1]', 'word', (db, v) =>
    db.jobs.updateStatus('a', 'failed', { from: ['pending', v] }),
  ),
  required('jobs.complete', 'id', 'key', (db, v) => db.jobs.complete(v, PAID)),
  required('jobs.complete', 'result', 'object', (db, v) => db.jobs.complete('a', v)),
  required('jobs.completeWithPayment', 'id', 'key', (db, v) =>
    db.jobs.completeWithPayment(v, PAID),
  ),
  required('jobs.completeWithPayment', 'payment', 'object', (db, v) =>
    db.jobs.completeWithPayment('a', v),
  ),
  required('jobs.fail', 'id', 'key', (db, v) => db.jobs.fail(v, 'broken')),
  required('jobs.fail', 'error_message', 'text', (db, v) => db.jobs.fail('a', v)),
  required('jobs.cancel', 'id', 'key', (db, v) => db.jobs.cancel(v)),
  optional('jobs.claimNext', 'options', 'object', (db, v) => db.jobs.claimNext(v)),
  optional('jobs.claimNext', 'kinds', 'list', (db, v) => db.jobs.claimNext({ kinds: v })),
  required('jobs.claimNext', 'kinds[1]', 'kind', (db, v) => db.jobs.claimNext({ kinds: [1, v] })),
  required('jobs.requeueStale', 'options', 'object', (db, v) => db.jobs.requeueStale(v)),
  required('jobs.requeueStale', 'startedBefore', 'time', (db, v) =>
    db.jobs.requeueStale({ startedBefore: v }),
  ),
  optional('jobs.list', 'options', 'object', (db, v) => db.jobs.list(v)),
  required('jobs.list', 'before.created_at', 'integer of any sign', (db, v) =>
    db.jobs.list({ before: { ...ROW, created_at: v } }),
  ),
  required('jobs.list', 'before.id', 'text', (db, v) =>
    db.jobs.list({ before: { ...ROW, id: v } }),
  ),
  required('jobs.listByStatus', 'status', 'word', (db, v) => db.jobs.listByStatus(v)),
  optional('jobs.listByStatus', 'options', 'object', (db, v) => db.jobs.listByStatus('pending', v)),
  optional('jobs.listByStatus', 'limit', 'limit', (db, v) =>
    db.jobs.listByStatus('pending', { limit: v }),
  ),
  required('jobs.listByStatus', 'before.id', 'text', (db, v) =>
    db.jobs.listByStatus('pending', { before: { ...ROW, id: v } }),
  ),
];

describe('refuses bad input by its name and stores nothing', () => {
  it.each([...CREATE, ...CREATE_IF_NEW, ...COMPLETE, ...PAY, ...LIST, ...ARGUMENTS])(
    '$call: $field',
    async (testCase) => {
      const file = await testDatabase();
      await file.db.jobs.create({ id: 'a', kind: 1, customer_pubkey: 'b' });
      await expectRefused(file, testCase);
    },
  );

  it('refuses an empty list of statuses to move from', async () => {
    const { db } = await testDatabase();
    await expect(db.jobs.updateStatus('a', 'failed', { from: [] })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      field: 'from',
    });
  });

  it.each([null, 7, 'a'])('refuses %j as the row that ends a page', async (before) => {
    const { db } = await testDatabase();
    await expect(db.jobs.list({ before: before as never })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      field: 'before',
    });
  });
});

describe('refuses a field that it does not know', () => {
  it('jobs.create', async () => {
    const file = await testDatabase();
    await expectUnknownFieldRefused(file, 'jobs.create', JOB, (db, job) => db.jobs.create(job));
  });
  it('jobs.updateStatus', async () => {
    const file = await testDatabase();
    await expectUnknownFieldRefused(file, 'jobs.updateStatus', {}, (db, options) =>
      db.jobs.updateStatus('a', 'failed', options),
    );
  });
  it('jobs.complete', async () => {
    const file = await testDatabase();
    await expectUnknownFieldRefused(file, 'jobs.complete', PAID, (db, result) =>
      db.jobs.complete('a', result),
    );
  });
  it('jobs.completeWithPayment', async () => {
    const file = await testDatabase();
    await expectUnknownFieldRefused(file, 'jobs.completeWithPayment', PAID, (db, payment) =>
      db.jobs.completeWithPayment('a', payment),
    );
  });
  it('jobs.claimNext', async () => {
    const file = await testDatabase();
    await expectUnknownFieldRefused(file, 'jobs.claimNext', {}, (db, options) =>
      db.jobs.claimNext(options),
    );
  });
  it('jobs.requeueStale', async () => {
    const file = await testDatabase();
    await expectUnknownFieldRefused(
      file,
      'jobs.requeueStale',
      { startedBefore: 1 },
      (db, options) => db.jobs.requeueStale(options),
    );
  });
  it('jobs.list', async () => {
    const file = await testDatabase();
    await expectUnknownFieldRefused(file, 'jobs.list', {}, (db, options) => db.jobs.list(options));
  });
  it('jobs.listByStatus', async () => {
    const file = await testDatabase();
    await expectUnknownFieldRefused(file, 'jobs.listByStatus', {}, (db, options) =>
      db.jobs.listByStatus('pending', options),
    );
  });
});
