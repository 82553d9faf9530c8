import { expect } from 'vitest';
import type { PylonDb } from '../../src/index.js';
import { type TestDatabase, testDatabase } from '../database.js';

/** What another program stores in a column, and the error that reading it gives. */
export type Bad = readonly [column: string, sql: string, code: 'CORRUPT_ROW' | 'OUT_OF_RANGE'];

export const INTEGERS = ['kind', 'price_msats', 'started_at', 'completed_at', 'created_at'];
export const TEXTS = ['customer_pubkey', 'input_hash', 'output_hash', 'error_message'];

/** A processing job `a` in whose `column` another program stored what `sql` says. */
export async function jobWith(column: string, sql: string): Promise<TestDatabase> {
  const database = await testDatabase();
  await database.db.jobs.create({ id: 'a', kind: 1, customer_pubkey: 'b', status: 'processing' });
  await database.writeByAnother(`update jobs set ${column} = ${sql}`);
  return database;
}

const READS: readonly (readonly [name: string, read: (db: PylonDb) => Promise<unknown>])[] = [
  ['jobs.get', (db) => db.jobs.get('a')],
  ['jobs.list', (db) => db.jobs.list()],
];

/** Reading the job throws `code` naming its column, wherever it is read. */
export async function expectTold(column: string, sql: string, code: Bad[2]): Promise<void> {
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
}

export const CHANGES = [
  ['updateStatus', (db: PylonDb) => db.jobs.updateStatus('a', 'pending')],
  ['complete', (db: PylonDb) => db.jobs.complete('a', { price_msats: 1 })],
  ['completeWithPayment', (db: PylonDb) => db.jobs.completeWithPayment('a', { price_msats: 1 })],
  ['fail', (db: PylonDb) => db.jobs.fail('a', 'broken')],
  ['cancel', (db: PylonDb) => db.jobs.cancel('a')],
] as const;

/** A job whose `kind` is what `sql` says is refused by `change`, alone and alongside another write. */
export async function expectLeftAlone(
  sql: string,
  code: Bad[2],
  change: (db: PylonDb) => Promise<unknown>,
): Promise<void> {
  const { db, literals } = await jobWith('kind', sql);
  const before = await literals('jobs', 'earnings');
  await expect(change(db)).rejects.toMatchObject({ code, column: 'kind' });
  expect(await literals('jobs', 'earnings')).toEqual(before);
}

/** `change` in one turn with another write. */
export const alongside =
  (change: (db: PylonDb) => Promise<unknown>) =>
  async (db: PylonDb): Promise<void> => {
    await Promise.all([change(db), db.agents.delete('nobody')]);
  };

/** A pending job whose `kind` is what `sql` says is claimed by nobody, and stays as it is. */
export async function expectPassedOver(sql: string): Promise<void> {
  const { db, literals, writeByAnother } = await jobWith('kind', sql);
  await writeByAnother("update jobs set status = 'pending'");
  const before = await literals('jobs');
  expect(await db.jobs.claimNext()).toBeUndefined();
  expect(await literals('jobs')).toEqual(before);
}
