import { describe, expect, it } from 'vitest';
import type { NewEarning } from '../../src/index.js';
import {
  expectRefused,
  expectUnknownFieldRefused,
  type FieldCase,
  fieldsOf,
  optional,
  required,
} from '../bad-input.js';
import { testDatabase } from '../database.js';
import { NOON } from '../file.js';

const EARNING: NewEarning = { id: 'new', amount_msats: 1, source: 'tip' };
const ROW = { earned_at: 1, id: 'a' };

const RECORD = fieldsOf(
  'earnings.record',
  EARNING,
  {
    id: 'key',
    job_id: 'key or null',
    amount_msats: 'integer',
    source: 'word',
    payment_hash: 'key or null',
    preimage: 'text or null',
    earned_at: 'time',
  },
  (db, earning) => db.earnings.record(earning),
);

const RECORD_FOR_JOB = fieldsOf(
  'earnings.recordForJob',
  {},
  { payment_hash: 'key or null', preimage: 'text or null' },
  (db, payment) => db.earnings.recordForJob('a', 1, payment),
);

const ROLLUP = fieldsOf(
  'earnings.rollup',
  { by: 'day' as const, start: 0, end: 1 },
  { by: 'word', timeZone: 'text' },
  (db, options) => db.earnings.rollup(options),
);

const ARGUMENTS: readonly FieldCase[] = [
  required('earnings.record', 'earning', 'object', (db, v) => db.earnings.record(v)),
  required('earnings.recordForJob', 'job_id', 'key', (db, v) => db.earnings.recordForJob(v, 1)),
  required('earnings.recordForJob', 'amount_msats', 'integer', (db, v) =>
    db.earnings.recordForJob('a', v),
  ),
  optional('earnings.recordForJob', 'payment', 'object', (db, v) =>
    db.earnings.recordForJob('a', 1, v),
  ),
  required('earnings.get', 'id', 'key', (db, v) => db.earnings.get(v)),
  required('earnings.forJob', 'job_id', 'key', (db, v) => db.earnings.forJob(v)),
  required('earnings.byPaymentHash', 'payment_hash', 'key', (db, v) =>
    db.earnings.byPaymentHash(v),
  ),
  optional('earnings.recent', 'limit', 'limit', (db, v) => db.earnings.recent(v)),
  required('earnings.inRange', 'start', 'time', (db, v) => db.earnings.inRange(v, 9)),
  required('earnings.inRange', 'end', 'time', (db, v) => db.earnings.inRange(0, v)),
  optional('earnings.inRange', 'options', 'object', (db, v) => db.earnings.inRange(0, 9, v)),
  optional('earnings.inRange', 'limit', 'limit', (db, v) =>
    db.earnings.inRange(0, 9, { limit: v }),
  ),
  required('earnings.inRange', 'before.earned_at', 'integer of any sign', (db, v) =>
    db.earnings.inRange(0, 9, { before: { ...ROW, earned_at: v } }),
  ),
  required('earnings.inRange', 'before.id', 'text', (db, v) =>
    db.earnings.inRange(0, 9, { before: { ...ROW, id: v } }),
  ),
  optional('earnings.today', 'options', 'object', (db, v) => db.earnings.today(v)),
  optional('earnings.today', 'timeZone', 'text', (db, v) => db.earnings.today({ timeZone: v })),
  required('earnings.rollup', 'options', 'object', (db, v) => db.earnings.rollup(v)),
  optional('earnings.rollup', 'start', 'time', (db, v) =>
    db.earnings.rollup({ by: 'day', start: v, end: 9 }),
  ),
  optional('earnings.rollup', 'end', 'time', (db, v) =>
    db.earnings.rollup({ by: 'day', start: 0, end: v }),
  ),
];

describe('refuses bad input by its name and stores nothing', () => {
  it.each([...RECORD, ...RECORD_FOR_JOB, ...ROLLUP, ...ARGUMENTS])(
    '$call: $field',
    async (testCase) => {
      const file = await testDatabase();
      await file.db.jobs.create({ id: 'a', kind: 1, customer_pubkey: 'b' });
      await expectRefused(file, testCase);
    },
  );

  it.each(['Mars/Olympus', '', 'UTC+1', 'Europe', '../etc/passwd'])(
    'refuses %j as a time zone',
    async (timeZone) => {
      const { db } = await testDatabase();
      await db.earnings.record(EARNING);
      await expect(db.earnings.rollup({ by: 'day', timeZone })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        field: 'timeZone',
        operation: 'earnings.rollup',
      });
    },
  );

  it.each([
    ['an empty database', {}],
    ['an empty range', { start: 9, end: 8 }],
  ])('refuses a bad time zone for %s too', async (_, range) => {
    const { db } = await testDatabase();
    await expect(
      db.earnings.rollup({ by: 'day', timeZone: 'Mars/Olympus', ...range }),
    ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', field: 'timeZone' });
  });

  it('refuses a rollup of more than 10,000 buckets, and gives one of 10,000', async () => {
    const { db } = await testDatabase();
    const end = NOON + 10_000 * 3600;
    await expect(db.earnings.rollup({ by: 'hour', start: NOON, end })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      field: 'end',
      operation: 'earnings.rollup',
      problem:
        'the range from 2026-07-01T12:00:00Z to 2027-08-22T04:00:00Z has more than 10000 hours',
    });
    const buckets = await db.earnings.rollup({ by: 'hour', start: NOON, end: end - 1 });
    expect(buckets).toHaveLength(10_000);
  });
});

describe('refuses a field that it does not know', () => {
  it('earnings.record', async () => {
    const file = await testDatabase();
    await expectUnknownFieldRefused(file, 'earnings.record', EARNING, (db, earning) =>
      db.earnings.record(earning),
    );
  });
  it('earnings.recordForJob', async () => {
    const file = await testDatabase();
    await expectUnknownFieldRefused(file, 'earnings.recordForJob', {}, (db, payment) =>
      db.earnings.recordForJob('a', 1, payment),
    );
  });
  it('earnings.inRange', async () => {
    const file = await testDatabase();
    await expectUnknownFieldRefused(file, 'earnings.inRange', {}, (db, options) =>
      db.earnings.inRange(0, 9, options),
    );
  });
  it('earnings.rollup', async () => {
    const file = await testDatabase();
    await expectUnknownFieldRefused(
      file,
      'earnings.rollup',
      { by: 'day' as const },
      (db, options) => db.earnings.rollup(options),
    );
  });
});
