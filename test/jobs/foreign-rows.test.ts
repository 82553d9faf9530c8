import { describe, expect, it } from 'vitest';
import type { PylonDb } from '../../src/index.js';
import { literals, stored, testFile, writeByAnother } from '../file.js';

type Bad = readonly [column: string, sql: string, code: 'CORRUPT_ROW' | 'OUT_OF_RANGE'];

const BAD_INTEGERS = (column: string): Bad[] => [
  [column, "'12abc'", 'CORRUPT_ROW'],
  [column, "x'31'", 'CORRUPT_ROW'],
  [column, '1.5', 'CORRUPT_ROW'],
  [column, '9e999', 'CORRUPT_ROW'],
  [column, '9007199254740992', 'OUT_OF_RANGE'],
  [column, '-9007199254740992', 'OUT_OF_RANGE'],
  [column, '9223372036854775807', 'OUT_OF_RANGE'],
  [column, '1e300', 'OUT_OF_RANGE'],
];
const INTEGERS = ['kind', 'price_msats', 'started_at', 'completed_at', 'created_at'];
const TEXTS = ['customer_pubkey', 'input_hash', 'output_hash', 'error_message'];
const BAD: readonly Bad[] = [
  ...INTEGERS.flatMap(BAD_INTEGERS),
  ...TEXTS.map((column): Bad => [column, "x'68757368'", 'CORRUPT_ROW']),
  ['status', "'finished'", 'CORRUPT_ROW'],
  ['status', "'Pending'", 'CORRUPT_ROW'],
  ['status', "x'70656e64696e67'", 'CORRUPT_ROW'],
];

/** A processing job `a` in whose `column` another program stored what `sql` says. */
async function jobWith(column: string, sql: string) {
  const file = await testFile();
  await file.db.jobs.create({ id: 'a', kind: 1, customer_pubkey: 'b', status: 'processing' });
  writeByAnother(file.path, `update jobs set ${column} = ${sql}`);
  return file;
}

const READS: readonly (readonly [name: string, read: (db: PylonDb) => Promise<unknown>])[] = [
  ['jobs.get', (db) => db.jobs.get('a')],
  ['jobs.list', (db) => db.jobs.list()],
];

describe('a job that another program wrote', () => {
  it.each(BAD)('with %s = %s throws %s wherever it is read', async (column, sql, code) => {
    const { db, open } = await jobWith(column, sql);
    for (const reader of [db, await open({ readonly: true })]) {
      for (const [operation, read] of READS) {
        await expect(read(reader), operation).rejects.toMatchObject({
          code,
          operation,
          table: 'jobs',
          column,
          key: 'a',
          details: { table: 'jobs', column, key: 'a' },
          message: expect.stringContaining(`jobs.${column} of row a`),
        });
      }
    }
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

  it.each([-1, -9_007_199_254_740_991])('with %d comes back as it is', async (value) => {
    const { db } = await jobWith('price_msats', String(value));
    writeByAnother(db.path, `update jobs set kind = ${value}, created_at = ${value}`);
    expect(await db.jobs.get('a')).toMatchObject({
      price_msats: value,
      kind: value,
      created_at: value,
    });
  });

  it('with an unknown status is told by countByStatus', async () => {
    const { db, path } = await jobWith('status', "'finished'");
    await db.jobs.create({ id: 'b', kind: 1, customer_pubkey: 'b' });
    await expect(db.jobs.countByStatus()).rejects.toMatchObject({
      code: 'CORRUPT_ROW',
      operation: 'jobs.countByStatus',
      details: { table: 'jobs', column: 'status', key: 'a' },
    });
    writeByAnother(path, "update jobs set status = 'failed' where id = 'a'");
    expect(await db.jobs.countByStatus()).toMatchObject({ pending: 1, failed: 1 });
  });

  it('with an unknown status is refused by every change, and stays', async () => {
    const { db, path } = await jobWith('status', "'finished'");
    const before = literals(path, 'jobs', 'earnings');
    const error = { code: 'CORRUPT_ROW', table: 'jobs', column: 'status', key: 'a' };
    await expect(db.jobs.updateStatus('a', 'failed')).rejects.toMatchObject(error);
    await expect(db.jobs.complete('a', { price_msats: 1 })).rejects.toMatchObject(error);
    await expect(db.jobs.completeWithPayment('a', { price_msats: 1 })).rejects.toMatchObject(error);
    await expect(db.jobs.fail('a', 'broken')).rejects.toMatchObject(error);
    await expect(db.jobs.cancel('a')).rejects.toMatchObject(error);
    expect(literals(path, 'jobs', 'earnings')).toEqual(before);
  });

  const CHANGES = [
    ['updateStatus', (db: PylonDb) => db.jobs.updateStatus('a', 'pending')],
    ['complete', (db: PylonDb) => db.jobs.complete('a', { price_msats: 1 })],
    ['completeWithPayment', (db: PylonDb) => db.jobs.completeWithPayment('a', { price_msats: 1 })],
    ['fail', (db: PylonDb) => db.jobs.fail('a', 'broken')],
    ['cancel', (db: PylonDb) => db.jobs.cancel('a')],
  ] as const;

  async function expectLeftAlone(change: (db: PylonDb) => Promise<unknown>) {
    const { db, path } = await jobWith('kind', "x'31'");
    const before = literals(path, 'jobs', 'earnings');
    await expect(change(db)).rejects.toMatchObject({ code: 'CORRUPT_ROW', column: 'kind' });
    expect(literals(path, 'jobs', 'earnings')).toEqual(before);
  }

  it.each(CHANGES)('with a blob for its kind is left alone by %s', async (_, change) => {
    await expectLeftAlone(change);
  });

  it.each(CHANGES)(
    'with a blob for its kind is left alone by %s beside another write',
    async (_, change) => {
      await expectLeftAlone(async (db) => {
        await Promise.all([change(db), db.agents.delete('nobody')]);
      });
    },
  );

  it('that no worker can read is passed over by claimNext, and stays as it is', async () => {
    const { db, path } = await jobWith('kind', "x'31'");
    writeByAnother(path, "update jobs set status = 'pending'");
    const before = literals(path, 'jobs');
    expect(await db.jobs.claimNext()).toBeUndefined();
    expect(literals(path, 'jobs')).toEqual(before);
  });

  it('with NULL for its key does not keep the good ones after it from being claimed', async () => {
    const { db, path } = await testFile();
    writeByAnother(
      path,
      `insert into jobs (id, kind, customer_pubkey, status, started_at, created_at)
       values (null, 1, 'b', 'pending', 1, 1), ('good', 1, 'b', 'pending', 1, 2)`,
    );
    expect(await db.jobs.claimNext()).toMatchObject({ id: 'good' });
    expect(await db.jobs.claimNext()).toBeUndefined();
    expect(stored(path, 'select status from jobs where id is null')).toEqual([
      { status: 'pending' },
    ]);
  });
});
