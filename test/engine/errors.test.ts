import { CamelCasePlugin, sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { isPylonDbError, PylonDb } from '../../src/index.js';
import { testDatabase } from '../database.js';
import { expectCompleteError, PREIMAGE } from './complete-error.js';
import { failureOf, rejection } from './failure.js';
import { agent, job } from './fresh.js';

const HERE = 'errors.test.ts';

/** Every way that a call fails: its code, its operation, and the call. */
const FAILURES: readonly [
  code: string,
  operation: string,
  call: (db: PylonDb) => Promise<unknown>,
][] = [
  ['INVALID_ARGUMENT', 'jobs.create', (db) => db.jobs.create({ ...job('x'), kind: -1 })],
  ['INVALID_ARGUMENT', 'db.transaction', (db) => db.transaction(async () => {}, { timeoutMs: 0 })],
  ['INVALID_ARGUMENT', 'db.kysely', (db) => sql`select * from nowhere`.execute(db.kysely)],
  ['INVALID_ARGUMENT', 'db.kysely', (db) => db.kysely.deleteFrom('agents').execute()],
  [
    'INVALID_ARGUMENT',
    'db.kysely',
    (db) => db.kysely.withPlugin(new CamelCasePlugin()).deleteFrom('agents').execute(),
  ],
  [
    'INVALID_ARGUMENT',
    'tx.kysely',
    (db) => db.transaction(async (tx) => await tx.kysely.deleteFrom('agents').execute()),
  ],
  [
    'INVALID_ARGUMENT',
    'tx.kysely',
    (db) =>
      db.kysely.transaction().execute(async (trx) => await trx.deleteFrom('agents').execute()),
  ],
  ['NOT_FOUND', 'jobs.fail', (db) => db.jobs.fail('nobody', 'gone')],
  ['NOT_FOUND', 'agents.recordTick', (db) => db.agents.recordTick('x', { tick_number: 1 })],
  ['NOT_FOUND', 'earnings.recordForJob', (db) => db.earnings.recordForJob('nobody', 5)],
  ['ALREADY_EXISTS', 'jobs.create', (db) => db.jobs.create(job('paid'))],
  ['ILLEGAL_TRANSITION', 'jobs.cancel', (db) => db.jobs.cancel('paid')],
  [
    'DUPLICATE_PAYMENT',
    'earnings.recordForJob',
    (db) => db.earnings.recordForJob('paid', 6, { payment_hash: 'h', preimage: PREIMAGE }),
  ],
  [
    'DUPLICATE_PAYMENT',
    'jobs.completeWithPayment',
    (db) =>
      db.jobs.completeWithPayment('open', {
        price_msats: 6,
        payment_hash: 'h',
        preimage: PREIMAGE,
      }),
  ],
  ['OUT_OF_RANGE', 'agents.adjustBalance', (db) => db.agents.adjustBalance('n', -1)],
  ['OUT_OF_RANGE', 'db.kysely', (db) => sql`select 9007199254740993 as n`.execute(db.kysely)],
  ['CORRUPT_ROW', 'jobs.get', (db) => db.jobs.get('bad')],
  ['CORRUPT_ROW', 'jobs.list', (db) => db.jobs.list()],
  ['TIMEOUT', 'db.transaction', (db) => db.transaction(() => never(), { timeoutMs: 10 })],
  [
    'OUTER_HANDLE_IN_TRANSACTION',
    'jobs.list',
    (db) => db.transaction(async () => await db.jobs.list()),
  ],
  ['TRANSACTION_ENDED', 'agents.listAll', async (db) => await (await endedTx(db)).agents.listAll()],
  [
    'TRANSACTION_ENDED',
    'tx.kysely',
    async (db) => await sql`select 1`.execute((await endedTx(db)).kysely),
  ],
  [
    'CLOSED',
    'jobs.list',
    async (db) => {
      await db.close();
      await db.jobs.list();
    },
  ],
  ['NOT_SUPPORTED', 'db.kysely', (db) => sql`begin`.execute(db.kysely)],
  ['NOT_SUPPORTED', 'tx.kysely', (db) => db.transaction((tx) => sql`begin`.execute(tx.kysely))],
  ['NOT_SUPPORTED', 'kysely', async (db) => await db.kysely.destroy()],
  ['NOT_SUPPORTED', 'PylonDb.open', () => PylonDb.open('mysql://host/db')],
];

async function never(): Promise<void> {
  await new Promise(() => {});
}

async function endedTx(db: PylonDb) {
  const { tx } = await db.transaction(async (open) => ({ tx: open }));
  return tx;
}

/** A paid job, an open one, a corrupt one, and an agent with a tick. */
async function openPlayed(): Promise<PylonDb> {
  const { db, writeByAnother } = await testDatabase();
  await db.agents.upsert(agent('n'));
  await db.agents.recordTick('n', { tick_number: 1 });
  await db.jobs.create(job('paid'));
  const payment = { price_msats: 5, payment_hash: 'h', preimage: PREIMAGE };
  await db.jobs.completeWithPayment('paid', payment);
  await db.jobs.create(job('open'));
  await writeByAnother(
    `insert into jobs (id, kind, customer_pubkey, status, started_at, created_at)
     values ('bad', 1, 'c', 'lost', 1, 1)`,
  );
  return db;
}

describe.each(FAILURES)('%s of %s', (code, operation, call) => {
  it('names its operation, says what to do and shows no preimage', async () => {
    const db = await openPlayed();
    expectCompleteError(await rejection(theCaller(call, db)), code, operation);
  });

  it('keeps the frame of its caller', async () => {
    const error = await rejection(theCaller(call, await openPlayed()));
    expect(isPylonDbError(error) && error.stack).toContain(HERE);
  });
});

async function theCaller(call: (db: PylonDb) => Promise<unknown>, db: PylonDb): Promise<unknown> {
  return await call(db);
}

it('leaves nothing of a lone call that failed after its first change', async () => {
  const { db, refuse, value } = await testDatabase();
  await db.jobs.create(job('a'));
  await refuse('after insert on earnings');
  const call = db.jobs.completeWithPayment('a', { price_msats: 5 });
  expect((await failureOf(call, 'INVALID_ARGUMENT')).constraint).toBe('trigger');
  expect(await value('select status from jobs')).toBe('pending');
  expect(await value('select count(*) from earnings')).toBe(0);
});
