import { describe, expect, it } from 'vitest';
import {
  type Bad,
  earningWith,
  expectNeverSummed,
  expectNeverSummedAt,
  expectNoRepeatOf,
  expectOtherSumsRight,
  expectTold,
} from './foreign-row.js';

const TOO_LARGE = '9007199254740992';

const badIntegers = (column: string): Bad[] => [
  [column, TOO_LARGE, 'OUT_OF_RANGE'],
  [column, '-9007199254740992', 'OUT_OF_RANGE'],
  [column, '9223372036854775807', 'OUT_OF_RANGE'],
];
const BAD_AMOUNTS = badIntegers('amount_msats');
const BAD_SOURCE: Bad = ['source', "'gift'", 'CORRUPT_ROW'];

describe('an earning that another program wrote', () => {
  it.each([...BAD_AMOUNTS, ...badIntegers('earned_at'), BAD_SOURCE])(
    'with %s = %s throws %s wherever it is read',
    async (column, sql, code) => {
      await expectTold(column, sql, code);
    },
  );

  it.each([...BAD_AMOUNTS, BAD_SOURCE])(
    'with %s = %s is never summed: every sum throws %s',
    async (column, sql, code) => {
      await expectNeverSummed(column, sql, code);
    },
  );

  it('with a bad amount at a time beyond 2^53-1 is never summed, and not left out of today', async () => {
    await expectNeverSummedAt(TOO_LARGE, TOO_LARGE, 'OUT_OF_RANGE');
  });

  it('with a time beyond 2^53-1 is not left out of today without a word', async () => {
    const { db } = await earningWith('earned_at', TOO_LARGE);
    const today = await db.earnings.today().catch((error) => error.code);
    expect([3, 'OUT_OF_RANGE']).toContain(today);
  });

  it('with a bad amount elsewhere leaves the sums of other times right', async () => {
    await expectOtherSumsRight(TOO_LARGE);
  });

  it('with a negative amount comes back and is summed as it is', async () => {
    const { db } = await earningWith('amount_msats', '-9007199254740991');
    const least = -9_007_199_254_740_991;
    expect(await db.earnings.get('bad')).toMatchObject({ amount_msats: least });
    expect(await db.earnings.total()).toBe(least + 1);
    expect(await db.earnings.summary()).toMatchObject({
      total_msats: least + 1,
      total_sats: -9_007_199_254_740,
      by_source: { tip: least + 1 },
    });
  });

  it('with a negative amount takes one source out of range, and the total with it', async () => {
    const { db, writeByAnother } = await earningWith('amount_msats', '-9007199254740991');
    await db.earnings.record({ id: 'gone', amount_msats: 5, source: 'tip' });
    await db.earnings.record({ id: 'other', amount_msats: 10, source: 'other' });
    await writeByAnother("update earnings set amount_msats = -5 where id = 'gone'");
    const error = { code: 'OUT_OF_RANGE', column: 'amount_msats' };
    await expect(db.earnings.total()).rejects.toMatchObject(error);
    await expect(db.earnings.summary()).rejects.toMatchObject(error);
    await writeByAnother("update earnings set amount_msats = -1 where id = 'gone'");
    expect(await db.earnings.total()).toBe(-9_007_199_254_740_981);
  });

  it('with a time before 1970 comes back as it is, and starts a rollup', async () => {
    const { db } = await earningWith('earned_at', '-1');
    expect(await db.earnings.get('bad')).toMatchObject({ earned_at: -1 });
    const [first, second] = await db.earnings.rollup({ by: 'month' });
    expect(first).toMatchObject({ bucket_start: -31 * 86_400, amount_msats: 2 });
    expect(second).toMatchObject({ bucket_start: 0, amount_msats: 0 });
  });

  it('is left alone by a payment of the same hash', async () => {
    await expectNoRepeatOf(TOO_LARGE, 'OUT_OF_RANGE');
  });
});
