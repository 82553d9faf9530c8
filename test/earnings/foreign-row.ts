import { expect } from 'vitest';
import type { PylonDb } from '../../src/index.js';
import { type TestDatabase, testDatabase } from '../database.js';
import { NOON } from '../file.js';

/** What another program stores in a column, and the error that reading it gives. */
export type Bad = readonly [column: string, sql: string, code: 'CORRUPT_ROW' | 'OUT_OF_RANGE'];

/** Two earnings, in one of which, `bad`, another program stored what `sql` says. */
export async function earningWith(column: string, sql: string): Promise<TestDatabase> {
  const database = await testDatabase();
  await database.db.earnings.record({ id: 'good', amount_msats: 1, source: 'tip' });
  await database.db.earnings.record({ id: 'bad', amount_msats: 2, source: 'tip' });
  await database.writeByAnother(`update earnings set ${column} = ${sql} where id = 'bad'`);
  return database;
}

export const reported = (code: string, column: string) => ({
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

/** Reading the earning throws `code` naming its column, wherever it is read. */
export async function expectTold(column: string, sql: string, code: Bad[2]): Promise<void> {
  const { db } = await earningWith(column, sql);
  await expect(db.earnings.get('bad')).rejects.toMatchObject({
    ...reported(code, column),
    operation: 'earnings.get',
    message: expect.stringContaining(`earnings.${column} of row bad`),
  });
  await expect(db.earnings.recent()).rejects.toMatchObject(reported(code, column));
}

/** Every sum that the earning belongs to throws `code` naming its column. */
export async function expectNeverSummed(column: string, sql: string, code: Bad[2]): Promise<void> {
  const { db, open, writeByAnother } = await earningWith(column, sql);
  for (const reader of [db, await open({ readonly: true })]) {
    for (const [operation, sum] of SUMS) {
      await expect(sum(reader), operation).rejects.toMatchObject({
        ...reported(code, column),
        operation,
      });
    }
  }
  await writeByAnother("delete from earnings where id = 'bad'");
  expect(await db.earnings.total()).toBe(1);
}

/** A bad amount is in every sum's way, at whatever time it says it came in. */
export async function expectNeverSummedAt(
  amount: string,
  earned_at: string,
  code: Bad[2],
): Promise<void> {
  const { db, writeByAnother } = await earningWith('amount_msats', amount);
  await writeByAnother(`update earnings set earned_at = ${earned_at} where id = 'bad'`);
  await expect(db.earnings.total()).rejects.toMatchObject({ code, key: 'bad' });
  await expect(db.earnings.summary()).rejects.toMatchObject({ code });
  await expect(db.earnings.today()).rejects.toMatchObject({ code, key: 'bad' });
}

/** A bad amount of another day leaves the sums of this one right. */
export async function expectOtherSumsRight(amount: string): Promise<void> {
  const { db, writeByAnother } = await earningWith('amount_msats', amount);
  await writeByAnother(`update earnings set earned_at = ${NOON - 86_400} where id = 'bad'`);
  expect(await db.earnings.today()).toBe(1);
  const [bucket] = await db.earnings.rollup({ by: 'day', start: NOON, end: NOON });
  expect(bucket).toMatchObject({ amount_msats: 1, count: 1 });
}

/** A payment of the same hash as an earning with a bad amount is refused, and stored nowhere. */
export async function expectNoRepeatOf(amount: string, code: Bad[2]): Promise<void> {
  const { db, writeByAnother } = await earningWith('amount_msats', amount);
  await writeByAnother("update earnings set payment_hash = 'h' where id = 'bad'");
  await expect(
    db.earnings.record({ id: 'new', amount_msats: 2, source: 'tip', payment_hash: 'h' }),
  ).rejects.toMatchObject(reported(code, 'amount_msats'));
  expect(await db.earnings.get('new')).toBeUndefined();
}
