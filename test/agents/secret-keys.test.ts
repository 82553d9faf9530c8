import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import type { PylonDb } from '../../src/index.js';
import { testDatabase } from '../database.js';

const SECRET = 'vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5';
const SPELLINGS = [
  `nsec1${SECRET}`,
  ` \n nsec1${SECRET}`,
  `NSEC1${SECRET.toUpperCase()}`,
  `nostr:nsec1${SECRET}`,
];

type Call = readonly [name: string, field: string, call: (db: PylonDb, nsec: string) => unknown];

const CALLS: readonly Call[] = [
  [
    'agents.upsert',
    'npub',
    (db, npub) => db.agents.upsert({ npub, name: 'A', lifecycle_state: 'active' }),
  ],
  ['agents.get', 'npub', (db, npub) => db.agents.get(npub)],
  ['agents.updateState', 'npub', (db, npub) => db.agents.updateState(npub, 'active')],
  ['agents.updateBalance', 'npub', (db, npub) => db.agents.updateBalance(npub, 1)],
  ['agents.adjustBalance', 'npub', (db, npub) => db.agents.adjustBalance(npub, 1)],
  ['agents.recordTick', 'npub', (db, npub) => db.agents.recordTick(npub, { tick_number: 1 })],
  ['agents.tickHistory', 'npub', (db, npub) => db.agents.tickHistory(npub)],
  ['agents.delete', 'npub', (db, npub) => db.agents.delete(npub)],
  ['jobs.create', 'id', (db, id) => db.jobs.create({ id, kind: 1, customer_pubkey: 'b' })],
  [
    'jobs.create',
    'customer_pubkey',
    (db, customer_pubkey) => db.jobs.create({ id: 'a', kind: 1, customer_pubkey }),
  ],
  ['jobs.list', 'customer_pubkey', (db, customer_pubkey) => db.jobs.list({ customer_pubkey })],
  ['jobs.cancel', 'id', (db, id) => db.jobs.cancel(id)],
  ['earnings.record', 'id', (db, id) => db.earnings.record({ id, amount_msats: 1, source: 'tip' })],
  ['earnings.recordForJob', 'job_id', (db, job_id) => db.earnings.recordForJob(job_id, 1)],
];

it.each(CALLS)('%s refuses an nsec as %s, and never repeats it', async (operation, field, call) => {
  const { db, literals } = await testDatabase();
  for (const nsec of SPELLINGS) {
    const error: unknown = await Promise.resolve(call(db, nsec)).catch((reason) => reason);
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', operation, field });
    const shown = `${inspect(error, { depth: null, showHidden: true })} ${JSON.stringify(error)}`;
    expect(shown.toLowerCase()).not.toContain(SECRET);
  }
  const rows = await literals('jobs', 'earnings', 'agents', 'tick_history');
  expect(Object.values(rows).flat()).toEqual([]);
});

it('an nsec that another program stored as a key is not repeated by the error for its row', async () => {
  const { db, writeByAnother } = await testDatabase();
  await writeByAnother(
    `insert into agents (npub, name, lifecycle_state, balance_sats)
     values ('nsec1${SECRET}', 'A', 'active', 9007199254740993)`,
  );
  const error: unknown = await db.agents.listAll().catch((reason) => reason);
  expect(error).toMatchObject({ code: 'OUT_OF_RANGE', table: 'agents', key: 'nsec1…' });
  expect(inspect(error, { depth: null, showHidden: true })).not.toContain(SECRET);
});
