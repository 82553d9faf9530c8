import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { PylonDb } from '../../src/index.js';
import { type TestDatabase, testDatabase } from '../database.js';
import { foreignTrigger, SWALLOW, type TriggerEvent } from '../foreign-trigger.js';

type Call = (db: Pick<PylonDb, 'jobs' | 'earnings' | 'agents'>) => Promise<unknown>;

const JOB = { kind: 1, customer_pubkey: 'c' } as const;
const TIP = { id: 'other', amount_msats: 1, source: 'tip' } as const;
const TABLES = ['jobs', 'earnings', 'agents', 'tick_history'];

/** A pending, a processing and a paid job, and an agent with two ticks. */
async function filled(): Promise<TestDatabase & { all: () => Promise<object> }> {
  const database = await testDatabase();
  const { db } = database;
  for (const id of ['pending', 'processing']) {
    await db.jobs.create({
      ...JOB,
      id,
      status: id === 'pending' ? id : 'processing',
      started_at: 5,
    });
  }
  await db.agents.upsert({ npub: 'a', name: 'A', lifecycle_state: 'active', balance_sats: 10 });
  await db.agents.recordTick('a', { tick_number: 1 });
  await db.agents.recordTick('a', { tick_number: 2 });
  return { ...database, all: () => database.literals(...TABLES) };
}

const CALLS: readonly (readonly [name: string, table: string, verb: string, call: Call])[] = [
  ['jobs.create', 'jobs', 'insert', ({ jobs }) => jobs.create({ ...JOB, id: 'new' })],
  ['jobs.createIfNew', 'jobs', 'insert', ({ jobs }) => jobs.createIfNew({ ...JOB, id: 'new' })],
  ['jobs.claimNext', 'jobs', 'update', ({ jobs }) => jobs.claimNext()],
  ['jobs.claimNext of kinds', 'jobs', 'update', ({ jobs }) => jobs.claimNext({ kinds: [1] })],
  ['jobs.requeueStale', 'jobs', 'update', ({ jobs }) => jobs.requeueStale({ startedBefore: 9 })],
  [
    'agents.upsert of a new one',
    'agents',
    'insert',
    ({ agents }) => agents.upsert({ npub: 'b', name: 'B', lifecycle_state: 'active' }),
  ],
  [
    'agents.upsert of a known one',
    'agents',
    'update',
    ({ agents }) => agents.upsert({ npub: 'a', name: 'B', lifecycle_state: 'active' }),
  ],
  ['agents.updateState', 'agents', 'update', ({ agents }) => agents.updateState('a', 'dormant')],
  ['agents.updateBalance', 'agents', 'update', ({ agents }) => agents.updateBalance('a', 7)],
  ['agents.adjustBalance', 'agents', 'update', ({ agents }) => agents.adjustBalance('a', 7)],
  [
    'agents.recordTick, its count',
    'agents',
    'update',
    ({ agents }) => agents.recordTick('a', { tick_number: 3 }),
  ],
  [
    'agents.recordTick, its tick',
    'tick_history',
    'insert',
    ({ agents }) => agents.recordTick('a', { tick_number: 3 }),
  ],
  [
    'agents.recordTick, its next tick',
    'tick_history',
    'insert',
    ({ agents }) => agents.recordTick('a', {}),
  ],
  [
    'agents.recordTick, its charge',
    'agents',
    'update',
    ({ agents }) => agents.recordTick('a', { tick_number: 3, cost_sats: 1, charge: true }),
  ],
  [
    'agents.recordTick, its charged tick',
    'tick_history',
    'insert',
    ({ agents }) => agents.recordTick('a', { tick_number: 3, cost_sats: 1, charge: true }),
  ],
  [
    'agents.pruneTicks',
    'tick_history',
    'delete',
    ({ agents }) => agents.pruneTicks({ before: 253402300799 }),
  ],
  ['agents.delete', 'agents', 'delete', ({ agents }) => agents.delete('a')],
  ['agents.delete, its ticks', 'tick_history', 'delete', ({ agents }) => agents.delete('a')],
];

/** How a call meets the trigger. */
const WAYS: readonly (readonly [
  name: string,
  run: (db: PylonDb, call: Call) => Promise<unknown>,
])[] = [
  ['alone', (db, call) => call(db)],
  [
    'with others',
    async (db, call) => {
      const [ended] = await Promise.allSettled([call(db), db.earnings.record(TIP)]);
      if (ended.status === 'rejected') throw ended.reason;
    },
  ],
  [
    'in a transaction that goes on',
    (db, call) =>
      db.transaction(async (tx) => {
        const failure = await call(tx).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (failure !== undefined) throw failure;
      }),
  ],
];

describe.each(CALLS)('%s, swallowed by a trigger on %s', (name, table, verb, call) => {
  const operation = name.replace(/[ ,].*/, '');
  const error = {
    code: 'SCHEMA_MISMATCH',
    operation,
    message: expect.stringContaining(`a trigger on ${table} kept`),
  };

  it.each(WAYS)('%s is refused, and nothing of it is stored', async (_, run) => {
    const database = await filled();
    await foreignTrigger(database, `before ${verb} on ${table}` as TriggerEvent, SWALLOW);
    const before = await database.all();
    await expect(run(await database.open(), call)).rejects.toMatchObject(error);
    await database.writeByAnother("delete from earnings where id = 'other'");
    expect(await database.all()).toEqual(before);
  });

  it('is refused also while the trigger is not known yet, but for what finds no job', async () => {
    const database = await filled();
    await foreignTrigger(database, `before ${verb} on ${table}` as TriggerEvent, SWALLOW);
    const before = await database.all();
    const ended = await call(database.db).catch((reason: unknown) => reason);
    if (operation === 'jobs.claimNext' || operation === 'jobs.requeueStale') {
      expect([undefined, 0, expect.objectContaining({ code: error.code })]).toContainEqual(ended);
    } else {
      expect(ended).toMatchObject(error);
    }
    expect(await database.all()).toEqual(before);
  });
});

const MOVES: readonly (readonly [name: string, call: Call])[] = [
  ['jobs.updateStatus', ({ jobs }) => jobs.updateStatus('pending', 'processing')],
  ['jobs.complete', ({ jobs }) => jobs.complete('processing', { price_msats: 5 })],
  ['jobs.fail', ({ jobs }) => jobs.fail('processing', 'broken')],
  ['jobs.cancel', ({ jobs }) => jobs.cancel('pending')],
  [
    'jobs.completeWithPayment',
    ({ jobs }) => jobs.completeWithPayment('processing', { price_msats: 5 }),
  ],
];

describe.each(MOVES)('%s, swallowed by a trigger that deletes the job', (operation, call) => {
  it('is refused, and the job stands', async () => {
    const database = await filled();
    await foreignTrigger(database, 'before update on jobs', SWALLOW, {
      first: 'delete from jobs where id = old.id;',
    });
    const before = await database.all();
    await expect(call(await database.open())).rejects.toMatchObject({
      code: 'SCHEMA_MISMATCH',
      operation,
    });
    expect(await database.all()).toEqual(before);
  });
});

const REMOVED: readonly (readonly [
  name: string,
  event: TriggerEvent,
  effect: string,
  call: Call,
])[] = [
  [
    'jobs.create',
    'after insert on jobs',
    'delete from jobs where id = new.id',
    ({ jobs }) => jobs.create({ ...JOB, id: 'new' }),
  ],
  [
    'jobs.createIfNew',
    'after insert on jobs',
    'delete from jobs where id = new.id',
    ({ jobs }) => jobs.createIfNew({ ...JOB, id: 'new' }),
  ],
  [
    'jobs.claimNext',
    'after update on jobs',
    'delete from jobs where id = new.id',
    ({ jobs }) => jobs.claimNext(),
  ],
  [
    'jobs.updateStatus',
    'after update on jobs',
    'delete from jobs where id = new.id',
    ({ jobs }) => jobs.updateStatus('pending', 'cancelled'),
  ],
  [
    'jobs.requeueStale',
    'after update on jobs',
    "update jobs set status = 'failed' where id = new.id and status = 'pending'",
    ({ jobs }) => jobs.requeueStale({ startedBefore: 9 }),
  ],
  [
    'agents.upsert',
    'after insert on agents',
    'delete from agents where npub = new.npub',
    ({ agents }) => agents.upsert({ npub: 'b', name: 'B', lifecycle_state: 'active' }),
  ],
  [
    'agents.recordTick',
    'after insert on tick_history',
    'delete from tick_history where id = new.id',
    ({ agents }) => agents.recordTick('a', { tick_number: 3 }),
  ],
  [
    'agents.delete',
    'after delete on agents',
    "insert into agents (npub, name, lifecycle_state) values (old.npub, 'back', 'active')",
    ({ agents }) => agents.delete('a'),
  ],
];

describe.each(REMOVED)('%s, undone by a trigger %s', (operation, event, effect, call) => {
  it.each(WAYS)('%s is refused, and nothing of it is stored', async (_, run) => {
    const database = await filled();
    await foreignTrigger(database, event, effect);
    const before = await database.all();
    await expect(run(await database.open(), call)).rejects.toMatchObject({
      code: 'SCHEMA_MISMATCH',
      operation,
    });
    await database.writeByAnother("delete from earnings where id = 'other'");
    expect(await database.all()).toEqual(before);
  });
});

const CHANGED: readonly (readonly [
  name: string,
  event: TriggerEvent,
  effect: string,
  call: Call,
])[] = [
  [
    'jobs.create',
    'after insert on jobs',
    'update jobs set price_msats = 77 where id = new.id',
    ({ jobs }) => jobs.create({ ...JOB, id: 'new' }),
  ],
  [
    'jobs.createIfNew',
    'after insert on jobs',
    'update jobs set price_msats = 77 where id = new.id',
    async ({ jobs }) => (await jobs.createIfNew({ ...JOB, id: 'new' })).job,
  ],
  [
    'jobs.claimNext',
    'after update on jobs',
    'update jobs set price_msats = 77 where id = new.id and price_msats = 0',
    ({ jobs }) => jobs.claimNext(),
  ],
  [
    'jobs.updateStatus',
    'after update on jobs',
    'update jobs set price_msats = 77 where id = new.id and price_msats = 0',
    ({ jobs }) => jobs.updateStatus('pending', 'processing'),
  ],
  [
    'agents.upsert',
    'after insert on agents',
    'update agents set balance_sats = 77 where npub = new.npub',
    ({ agents }) => agents.upsert({ npub: 'b', name: 'B', lifecycle_state: 'active' }),
  ],
  [
    'agents.updateState',
    'after update on agents',
    'update agents set balance_sats = 77 where npub = new.npub and balance_sats <> 77',
    ({ agents }) => agents.updateState('a', 'dormant'),
  ],
  [
    'agents.recordTick',
    'after insert on tick_history',
    'update tick_history set cost_sats = 77 where id = new.id',
    ({ agents }) => agents.recordTick('a', { tick_number: 3, cost_sats: 1 }),
  ],
];

describe.each(CHANGED)('%s, changed by a trigger %s', (_, event, effect, call) => {
  it.each(WAYS)('%s gives the row as it is stored', async (way, run) => {
    const database = await filled();
    await foreignTrigger(database, event, effect);
    let given: unknown;
    await run(await database.open(), async (db) => {
      given = await call(db);
    });
    const [table] = event.split(' ').slice(-1);
    const stored = await database.stored(`select * from ${table}`);
    expect(stored, way).toContainEqual(given);
    expect(Object.values(given ?? {})).toContain(77);
  });
});

describe('a trigger of another program that changes nothing', () => {
  it('changes no answer', async () => {
    const database = await filled();
    for (const table of TABLES) {
      await database.writeByAnother(`create table if not exists seen_${table} (id text)`);
      await foreignTrigger(
        database,
        `after insert on ${table}` as TriggerEvent,
        `insert into seen_${table} (id) values ('x')`,
      );
    }
    const db = await database.open();
    await Promise.all([
      db.jobs.create({ ...JOB, id: 'x' }),
      db.agents.recordTick('a', { tick_number: 3 }),
      db.earnings.record({ id: 'e', amount_msats: 1, source: 'tip' }),
    ]);
    expect(await db.jobs.requeueStale({ startedBefore: 9 })).toBe(1);
    await expect(db.jobs.create({ ...JOB, id: 'x' })).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
    });
    await expect(db.agents.updateState('nobody', 'dormant')).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await expect(db.agents.adjustBalance('a', -99)).rejects.toMatchObject({ code: 'OUT_OF_RANGE' });
    expect(await db.agents.delete('nobody')).toBe(false);
    expect(await db.agents.delete('a')).toBe(true);
    for (;;) if ((await db.jobs.claimNext()) === undefined) break;
    expect(await database.stored('select * from agents')).toEqual([]);
    expect(await database.stored('select * from tick_history')).toEqual([]);
    expect(await database.stored('select id from seen_jobs')).toHaveLength(1);
  });
});

describe('a trigger that another program makes while the database is open', () => {
  /** Longer than a lone call relies on the latest look, in ms. */
  const NEXT_LOOK_MS = 1100;

  it('is noticed by the calls of the next second', async () => {
    const database = await filled();
    const { db } = database;
    await db.jobs.create({ ...JOB, id: 'before' });
    await foreignTrigger(database, 'after insert on jobs', 'delete from jobs where id = new.id');
    await sleep(NEXT_LOOK_MS);
    // On a server the call after it asks, and the next one knows.
    await db.agents.updateBalance('a', 3);
    await expect(db.jobs.create({ ...JOB, id: 'new' })).rejects.toMatchObject({
      code: 'SCHEMA_MISMATCH',
    });
    expect(await database.stored("select id from jobs where id = 'new'")).toEqual([]);
  });
});
