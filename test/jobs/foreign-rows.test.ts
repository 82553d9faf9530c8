import { describe, expect, it } from 'vitest';
import {
  alongside,
  type Bad,
  CHANGES,
  expectLeftAlone,
  expectPassedOver,
  expectTold,
  INTEGERS,
  jobWith,
} from './foreign-row.js';

const TOO_LARGE = '9007199254740992';

const BAD: readonly Bad[] = [
  ...INTEGERS.flatMap((column): Bad[] => [
    [column, TOO_LARGE, 'OUT_OF_RANGE'],
    [column, '-9007199254740992', 'OUT_OF_RANGE'],
    [column, '9223372036854775807', 'OUT_OF_RANGE'],
  ]),
  ['status', "'finished'", 'CORRUPT_ROW'],
  ['status', "'Pending'", 'CORRUPT_ROW'],
];

describe('a job that another program wrote', () => {
  it.each(BAD)('with %s = %s throws %s wherever it is read', async (column, sql, code) => {
    await expectTold(column, sql, code);
  });

  it.each([-1, -9_007_199_254_740_991])('with %d comes back as it is', async (value) => {
    const { db, writeByAnother } = await jobWith('price_msats', String(value));
    await writeByAnother(`update jobs set kind = ${value}, created_at = ${value}`);
    expect(await db.jobs.get('a')).toMatchObject({
      price_msats: value,
      kind: value,
      created_at: value,
    });
  });

  it('with an unknown status is reported by countByStatus', async () => {
    const { db, writeByAnother } = await jobWith('status', "'finished'");
    await db.jobs.create({ id: 'b', kind: 1, customer_pubkey: 'b' });
    await expect(db.jobs.countByStatus()).rejects.toMatchObject({
      code: 'CORRUPT_ROW',
      operation: 'jobs.countByStatus',
      details: { table: 'jobs', column: 'status', key: 'a' },
    });
    await writeByAnother("update jobs set status = 'failed' where id = 'a'");
    expect(await db.jobs.countByStatus()).toMatchObject({ pending: 1, failed: 1 });
  });

  it('with an unknown status is refused by every change, and stays', async () => {
    const { db, literals } = await jobWith('status', "'finished'");
    const before = await literals('jobs', 'earnings');
    const error = { code: 'CORRUPT_ROW', table: 'jobs', column: 'status', key: 'a' };
    await expect(db.jobs.updateStatus('a', 'failed')).rejects.toMatchObject(error);
    await expect(db.jobs.complete('a', { price_msats: 1 })).rejects.toMatchObject(error);
    await expect(db.jobs.completeWithPayment('a', { price_msats: 1 })).rejects.toMatchObject(error);
    await expect(db.jobs.fail('a', 'broken')).rejects.toMatchObject(error);
    await expect(db.jobs.cancel('a')).rejects.toMatchObject(error);
    expect(await literals('jobs', 'earnings')).toEqual(before);
  });

  it.each(CHANGES)('with too large a kind is left alone by %s', async (_, change) => {
    await expectLeftAlone(TOO_LARGE, 'OUT_OF_RANGE', change);
  });

  it.each(CHANGES)(
    'with too large a kind is left alone by %s alongside another write',
    async (_, change) => {
      await expectLeftAlone(TOO_LARGE, 'OUT_OF_RANGE', alongside(change));
    },
  );

  it('that no worker can read is passed over by claimNext, and stays as it is', async () => {
    await expectPassedOver(TOO_LARGE);
  });
});
