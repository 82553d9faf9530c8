import { describe, expect, it } from 'vitest';
import { NOON } from '../file.js';
import {
  type Bad,
  earningWith,
  expectNeverSummed,
  expectNeverSummedAt,
  expectNoRepeatOf,
  expectOtherSumsRight,
  expectTold,
} from './foreign-row.js';

// What only SQLite stores: values of another type than the column's, and keys that are NULL.

const badIntegers = (column: string): Bad[] => [
  [column, "'12abc'", 'CORRUPT_ROW'],
  [column, "x'31'", 'CORRUPT_ROW'],
  [column, '1.5', 'CORRUPT_ROW'],
  [column, '1e300', 'OUT_OF_RANGE'],
];
const BAD_AMOUNTS = badIntegers('amount_msats');
const BAD: readonly Bad[] = [
  ...BAD_AMOUNTS,
  ...badIntegers('earned_at'),
  ['source', "x'746970'", 'CORRUPT_ROW'],
  ['payment_hash', "x'68757368'", 'CORRUPT_ROW'],
  ['preimage', "x'68757368'", 'CORRUPT_ROW'],
  ['job_id', "x'61'", 'CORRUPT_ROW'],
];

describe('an earning of wrong types that another program wrote', () => {
  it.each(BAD)('with %s = %s throws %s wherever it is read', async (column, sql, code) => {
    await expectTold(column, sql, code);
  });

  it.each(BAD_AMOUNTS)(
    'with %s = %s is never summed: every sum throws %s',
    async (column, sql, code) => {
      await expectNeverSummed(column, sql, code);
    },
  );

  it.each(["'soon'", '9007199254740992'])(
    'with a bad amount at the time %s is never summed, and not left out of today',
    async (earned_at) => {
      await expectNeverSummedAt("'12abc'", earned_at, 'CORRUPT_ROW');
    },
  );

  it('with a bad amount elsewhere leaves the sums of other times right', async () => {
    await expectOtherSumsRight("'12abc'");
  });

  it.each([
    ['NULL', 'null', 'NULL'],
    ['a blob', "x'41'", 'A'],
  ])('with %s for a key throws CORRUPT_ROW, and still counts', async (_, sql, key) => {
    const { db } = await earningWith('id', sql);
    const error = { code: 'CORRUPT_ROW', table: 'earnings', column: 'id', key };
    await expect(db.earnings.recent()).rejects.toMatchObject(error);
    await expect(db.earnings.inRange(NOON, NOON)).rejects.toMatchObject(error);
    expect(await db.earnings.total()).toBe(3);
  });

  it('is left alone by a payment of the same hash', async () => {
    await expectNoRepeatOf("'12abc'", 'CORRUPT_ROW');
  });
});
