import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { PylonDb, QueryEvent } from '../../src/index.js';
import { ENGINE, testDatabase } from '../database.js';

const PREIMAGE = 'b7a3f00dcafe';
const BAD_PREIMAGE = `${PREIMAGE}\ud800`;
const PAID = {
  id: 'paid',
  job_id: 'a',
  amount_msats: 5,
  source: 'job',
  payment_hash: 'h',
  preimage: PREIMAGE,
} as const;
const PAYMENT = { payment_hash: 'h', preimage: PREIMAGE };

type Failure = readonly [name: string, code: string, fail: (db: PylonDb) => Promise<unknown>];

const FAILURES: readonly Failure[] = [
  ['a known id', 'ALREADY_EXISTS', (db) => db.earnings.record({ ...PAID, payment_hash: 'i' })],
  [
    'an unknown job',
    'NOT_FOUND',
    (db) => db.earnings.record({ ...PAID, id: 'x', job_id: 'x', payment_hash: 'i' }),
  ],
  [
    'a payment that stands already',
    'DUPLICATE_PAYMENT',
    (db) => db.earnings.record({ ...PAID, id: 'x', amount_msats: 6 }),
  ],
  ['another amount', 'DUPLICATE_PAYMENT', (db) => db.earnings.recordForJob('a', 6, PAYMENT)],
  [
    'the payment of another job',
    'DUPLICATE_PAYMENT',
    (db) => db.jobs.completeWithPayment('b', { price_msats: 5, ...PAYMENT }),
  ],
  [
    'a final job',
    'ILLEGAL_TRANSITION',
    (db) => db.jobs.completeWithPayment('c', { price_msats: 5, preimage: PREIMAGE }),
  ],
  ['bad text', 'INVALID_ARGUMENT', (db) => db.earnings.record({ ...PAID, preimage: BAD_PREIMAGE })],
  [
    'bad text for a job',
    'INVALID_ARGUMENT',
    (db) => db.jobs.completeWithPayment('b', { price_msats: 5, preimage: BAD_PREIMAGE }),
  ],
  [
    'a preimage in the wrong field',
    'INVALID_ARGUMENT',
    (db) => db.earnings.record({ ...PAID, source: PREIMAGE as never }),
  ],
  [
    'a CHECK in a query of our own',
    'INVALID_ARGUMENT',
    (db) =>
      db.kysely
        .insertInto('earnings')
        .values({ ...PAID, id: 'x', source: 'gift' as never })
        .execute(),
  ],
  [
    'a value that can not be bound',
    'INVALID_ARGUMENT',
    (db) =>
      db.kysely
        .insertInto('earnings')
        .values({ ...PAID, id: 'x', amount_msats: { value: 5 } as never })
        .execute(),
  ],
  [
    'a unit that another program refuses',
    'INVALID_ARGUMENT',
    (db) => db.earnings.record({ ...PAID, id: 'thirteen', amount_msats: 13, payment_hash: 'i' }),
  ],
];

/** What another program stored as an earning, the preimage in the wrong column too. */
const CORRUPT: readonly (readonly [values: string, code: string])[] = [
  [`9007199254740993, 'tip', '${PREIMAGE}'`, 'OUT_OF_RANGE'],
  [`1, '${PREIMAGE}', '${PREIMAGE}'`, 'CORRUPT_ROW'],
  ...(ENGINE === 'sqlite' ? [[`'${PREIMAGE}', 'tip', '${PREIMAGE}'`, 'CORRUPT_ROW'] as const] : []),
];

async function expectUntold(
  events: readonly QueryEvent[],
  code: string,
  call: Promise<unknown>,
): Promise<void> {
  const error: unknown = await call.catch((reason) => reason);
  expect(error).toMatchObject({ code });
  // All own fields, the cause, the stack, and what `console.log` would show.
  const shown = inspect(error, { depth: null, showHidden: true });
  expect(`${shown} ${JSON.stringify(error)} ${error}`).not.toContain(PREIMAGE);
  expect(events.length).toBeGreaterThan(4);
  expect(inspect(events, { depth: null, showHidden: true })).not.toContain(PREIMAGE);
  expect(JSON.stringify(events)).not.toContain(PREIMAGE);
}

async function watched() {
  const events: QueryEvent[] = [];
  const database = await testDatabase({ onQuery: (event) => events.push(event) });
  const { db } = database;
  for (const id of ['a', 'b', 'c']) await db.jobs.create({ id, kind: 1, customer_pubkey: 'b' });
  await db.jobs.cancel('c');
  await db.earnings.record(PAID);
  return { ...database, events };
}

describe('a preimage is shown by no error and no event', () => {
  it.each(FAILURES)('%s: %s', async (_, code, fail) => {
    const { db, refuse, events } = await watched();
    await refuse('before insert on earnings', 'new.amount_msats = 13');
    await expectUntold(events, code, fail(db));
  });

  it.each(CORRUPT)('a corrupt row and sum (%s): %s', async (values, code) => {
    const { db, writeByAnother, events } = await watched();
    await writeByAnother(
      `insert into earnings (id, amount_msats, source, preimage) values ('corrupt', ${values})`,
    );
    await expectUntold(events, code, db.earnings.get('corrupt'));
    await expectUntold(events, code, db.earnings.total());
  });
});
