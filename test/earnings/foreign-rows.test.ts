import { describe, expect, it } from 'vitest';
import type { PylonDb } from '../../src/index.js';
import { NOON, testFile, writeByAnother } from '../file.js';

type Bad = readonly [column: string, sql: string, code: 'CORRUPT_ROW' | 'OUT_OF_RANGE'];

const badIntegers = (column: string): Bad[] => [
  [column, "'12abc'", 'CORRUPT_ROW'],
  [column, "x'31'", 'CORRUPT_ROW'],
  [column, '1.5', 'CORRUPT_ROW'],
  [column, '9007199254740992', 'OUT_OF_RANGE'],
  [column, '-9007199254740992', 'OUT_OF_RANGE'],
  [column, '9223372036854775807', 'OUT_OF_RANGE'],
  [column, '1e300', 'OUT_OF_RANGE'],
];
const BAD_AMOUNTS = badIntegers('amount_msats');
const BAD_SOURCE: Bad = ['source', "'gift'", 'CORRUPT_ROW'];
const BAD: readonly Bad[] = [
  ...BAD_AMOUNTS,
  ...badIntegers('earned_at'),
  BAD_SOURCE,
  ['source', "x'746970'", 'CORRUPT_ROW'],
  ['payment_hash', "x'68757368'", 'CORRUPT_ROW'],
  ['preimage', "x'68757368'", 'CORRUPT_ROW'],
  ['job_id', "x'61'", 'CORRUPT_ROW'],
];

/** Two earnings, in one of which, `bad`, another program stored what `sql` says. */
async function earningWith(column: string, sql: string) {
  const file = await testFile();
  await file.db.earnings.record({ id: 'good', amount_msats: 1, source: 'tip' });
  await file.db.earnings.record({ id: 'bad', amount_msats: 2, source: 'tip' });
  writeByAnother(file.path, `update earnings set ${column} = ${sql} where id = 'bad'`);
  return file;
}

const told = (code: string, column: string) => ({
  code,
  table: 'earnings',
  column,
  key: 'bad',
  details: { table: 'earnings', column, key: 'bad' },
});

const SUMS: readonly (readonly [name: string, sum: (db: PylonDb) => Promise<unknown>])[] = [
  ['earnings.total', (db) => db.earnings.total()],
  ['earnings.summary', (db) => db.earnings.summary()],
  ['earnings.today', (db) => db.earnings.today()],
  ['earnings.rollup', (db) => db.earnings.rollup({ by: 'day', start: NOON, end: NOON })],
];

describe('an earning that another program wrote', () => {
  it.each(BAD)('with %s = %s throws %s wherever it is read', async (column, sql, code) => {
    const { db } = await earningWith(column, sql);
    await expect(db.earnings.get('bad')).rejects.toMatchObject({
      ...told(code, column),
      operation: 'earnings.get',
      message: expect.stringContaining(`earnings.${column} of row bad`),
    });
    await expect(db.earnings.recent()).rejects.toMatchObject(told(code, column));
  });

  it.each([...BAD_AMOUNTS, BAD_SOURCE])(
    'with %s = %s is never summed: every sum throws %s',
    async (column, sql, code) => {
      const { db, path, open } = await earningWith(column, sql);
      for (const reader of [db, await open({ readonly: true })]) {
        for (const [operation, sum] of SUMS) {
          await expect(sum(reader), operation).rejects.toMatchObject({
            ...told(code, column),
            operation,
          });
        }
      }
      writeByAnother(path, "delete from earnings where id = 'bad'");
      expect(await db.earnings.total()).toBe(1);
    },
  );

  it.each(["'soon'", '9007199254740992'])(
    'with a bad amount at the time %s is never summed either',
    async (earned_at) => {
      const { db, path } = await earningWith('amount_msats', "'12abc'");
      writeByAnother(path, `update earnings set earned_at = ${earned_at} where id = 'bad'`);
      await expect(db.earnings.total()).rejects.toMatchObject({ code: 'CORRUPT_ROW', key: 'bad' });
      await expect(db.earnings.summary()).rejects.toMatchObject({ code: 'CORRUPT_ROW' });
    },
  );

  it.each(["'soon'", '9007199254740992'])(
    'with a bad amount at the time %s is not left out of today',
    async (earned_at) => {
      const { db, path } = await earningWith('amount_msats', "'12abc'");
      writeByAnother(path, `update earnings set earned_at = ${earned_at} where id = 'bad'`);
      await expect(db.earnings.today()).rejects.toMatchObject({ code: 'CORRUPT_ROW', key: 'bad' });
    },
  );

  it('with a time beyond 2^53-1 is not left out of today without a word', async () => {
    const { db } = await earningWith('earned_at', '9007199254740992');
    const today = await db.earnings.today().catch((error) => error.code);
    expect([3, 'OUT_OF_RANGE']).toContain(today);
  });

  it('with a bad amount elsewhere leaves the sums of other times right', async () => {
    const { db, path } = await earningWith('amount_msats', "'12abc'");
    writeByAnother(path, `update earnings set earned_at = ${NOON - 86_400} where id = 'bad'`);
    expect(await db.earnings.today()).toBe(1);
    const [bucket] = await db.earnings.rollup({ by: 'day', start: NOON, end: NOON });
    expect(bucket).toMatchObject({ amount_msats: 1, count: 1 });
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

  it('with a time before 1970 comes back as it is, and starts a rollup', async () => {
    const { db } = await earningWith('earned_at', '-1');
    expect(await db.earnings.get('bad')).toMatchObject({ earned_at: -1 });
    const [first, second] = await db.earnings.rollup({ by: 'month' });
    expect(first).toMatchObject({ bucket_start: -31 * 86_400, amount_msats: 2 });
    expect(second).toMatchObject({ bucket_start: 0, amount_msats: 0 });
  });

  it('is left alone by a payment of the same hash', async () => {
    const { db, path } = await earningWith('amount_msats', "'12abc'");
    writeByAnother(path, "update earnings set payment_hash = 'h' where id = 'bad'");
    await expect(
      db.earnings.record({ id: 'new', amount_msats: 2, source: 'tip', payment_hash: 'h' }),
    ).rejects.toMatchObject(told('CORRUPT_ROW', 'amount_msats'));
    expect(await db.earnings.get('new')).toBeUndefined();
  });
});
