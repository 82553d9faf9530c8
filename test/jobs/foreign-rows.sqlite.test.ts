import { describe, expect, it } from 'vitest';
import { testDatabase } from '../database.js';
import {
  alongside,
  type Bad,
  CHANGES,
  expectLeftAlone,
  expectPassedOver,
  expectTold,
  INTEGERS,
  jobWith,
  TEXTS,
} from './foreign-row.js';

// What only SQLite stores: values of another type than the column's, and keys that are NULL.

const BAD: readonly Bad[] = [
  ...INTEGERS.flatMap((column): Bad[] => [
    [column, "'12abc'", 'CORRUPT_ROW'],
    [column, "x'31'", 'CORRUPT_ROW'],
    [column, '1.5', 'CORRUPT_ROW'],
    [column, '9e999', 'CORRUPT_ROW'],
    [column, '1e300', 'OUT_OF_RANGE'],
  ]),
  ...TEXTS.map((column): Bad => [column, "x'68757368'", 'CORRUPT_ROW']),
  ['status', "x'70656e64696e67'", 'CORRUPT_ROW'],
];

describe('a job of wrong types that another program wrote', () => {
  it.each(BAD)('with %s = %s throws %s wherever it is read', async (column, sql, code) => {
    await expectTold(column, sql, code);
  });

  it.each([
    ['NULL', 'null', 'NULL'],
    ['a blob', "x'41'", 'A'],
  ])('with %s for a key throws CORRUPT_ROW', async (_, sql, key) => {
    const { db } = await jobWith('id', sql);
    const error = { code: 'CORRUPT_ROW', table: 'jobs', column: 'id', key };
    await expect(db.jobs.list()).rejects.toMatchObject(error);
    await expect(db.jobs.listByStatus('processing')).rejects.toMatchObject(error);
  });

  it.each(CHANGES)('with a blob for its kind is left alone by %s', async (_, change) => {
    await expectLeftAlone("x'31'", 'CORRUPT_ROW', change);
  });

  it.each(CHANGES)(
    'with a blob for its kind is left alone by %s alongside another write',
    async (_, change) => {
      await expectLeftAlone("x'31'", 'CORRUPT_ROW', alongside(change));
    },
  );

  it('that no worker can read is passed over by claimNext, and stays as it is', async () => {
    await expectPassedOver("x'31'");
  });

  it('with NULL for its key does not keep the good ones after it from being claimed', async () => {
    const { db, stored, writeByAnother } = await testDatabase();
    await writeByAnother(
      `insert into jobs (id, kind, customer_pubkey, status, started_at, created_at)
       values (null, 1, 'b', 'pending', 1, 1), ('good', 1, 'b', 'pending', 1, 2)`,
    );
    expect(await db.jobs.claimNext()).toMatchObject({ id: 'good' });
    expect(await db.jobs.claimNext()).toBeUndefined();
    expect(await stored('select status from jobs where id is null')).toEqual([
      { status: 'pending' },
    ]);
  });
});
