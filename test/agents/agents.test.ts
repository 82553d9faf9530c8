import { describe, expect, it } from 'vitest';
import { type Agent, LIFECYCLE_STATES, type NewAgent } from '../../src/index.js';
import { testDatabase } from '../database.js';
import { NOON } from '../file.js';

const BOB: NewAgent = { npub: 'npub1', name: 'Bob', lifecycle_state: 'active' };
const FULL: Agent = {
  npub: 'npub1',
  name: '☃ "𝄞" \n',
  lifecycle_state: 'dormant',
  balance_sats: Number.MAX_SAFE_INTEGER,
  tick_count: 7,
  last_tick_at: 3,
  memory_json: '{"facts":["☃",1e99]}',
  goals_json: 'null',
  created_at: 1,
  updated_at: NOON,
};

describe('agents.upsert', () => {
  it('stores every field of a new agent, but for updated_at, which is now', async () => {
    const { db, stored } = await testDatabase();
    expect(await db.agents.upsert({ ...FULL, updated_at: 2 })).toEqual(FULL);
    expect(await stored('select * from agents')).toEqual([FULL]);
  });

  it('takes zero, nothing and now for what a new agent leaves out', async () => {
    const { db, stored } = await testDatabase();
    const agent = {
      ...BOB,
      balance_sats: 0,
      tick_count: 0,
      last_tick_at: null,
      memory_json: null,
      goals_json: null,
      created_at: NOON,
      updated_at: NOON,
    };
    expect(await db.agents.upsert(BOB)).toEqual(agent);
    expect(await stored('select * from agents')).toEqual([agent]);
  });

  it('keeps of a known agent created_at and all that is left out', async () => {
    const { db, time, stored } = await testDatabase();
    await db.agents.upsert(FULL);
    time.now += 60;
    const unset: object = { balance_sats: undefined, memory_json: undefined };
    const agent = { ...FULL, ...BOB, updated_at: NOON + 60 };
    expect(await db.agents.upsert({ ...BOB, ...unset, created_at: 99 })).toEqual(agent);
    expect(await stored('select * from agents')).toEqual([agent]);
  });

  it.each([
    { balance_sats: 0 },
    { tick_count: 0 },
    { last_tick_at: null },
    { memory_json: null },
    { goals_json: '[]' },
  ])('changes of a known agent what is given: %j', async (change) => {
    const { db, stored } = await testDatabase();
    await db.agents.upsert(FULL);
    const agent = { ...FULL, ...BOB, ...change };
    expect(await db.agents.upsert({ ...BOB, ...change })).toEqual(agent);
    expect(await stored('select * from agents')).toEqual([agent]);
  });

  it('takes an empty name', async () => {
    const { db } = await testDatabase();
    expect(await db.agents.upsert({ ...BOB, name: '' })).toMatchObject({ name: '' });
  });

  it('keeps the ticks of a known agent', async () => {
    const { db } = await testDatabase();
    await db.agents.upsert(BOB);
    const tick = await db.agents.recordTick('npub1', { tick_number: 1 });
    await db.agents.upsert(BOB);
    expect(await db.agents.tickHistory('npub1')).toEqual([tick]);
  });
});

describe('an unknown agent', () => {
  it('is undefined to get, and has no ticks', async () => {
    const { db } = await testDatabase();
    expect(await db.agents.get('nobody')).toBeUndefined();
    expect(await db.agents.tickHistory('nobody')).toEqual([]);
  });

  it.each(['updateState', 'updateBalance', 'adjustBalance', 'recordTick'] as const)(
    'is NOT_FOUND to %s',
    async (method) => {
      const { db, literals } = await testDatabase();
      const calls = {
        updateState: () => db.agents.updateState('nobody', 'active'),
        updateBalance: () => db.agents.updateBalance('nobody', 1),
        adjustBalance: () => db.agents.adjustBalance('nobody', 1),
        recordTick: () => db.agents.recordTick('nobody', { tick_number: 1 }),
      };
      await expect(calls[method]()).rejects.toMatchObject({
        code: 'NOT_FOUND',
        operation: `agents.${method}`,
        entity: 'agent',
        id: 'nobody',
        details: { entity: 'agent', id: 'nobody' },
      });
      expect(await literals('agents', 'tick_history')).toEqual({ agents: [], tick_history: [] });
    },
  );

  it('is false to delete', async () => {
    const { db } = await testDatabase();
    await db.agents.upsert(BOB);
    expect(await db.agents.delete('nobody')).toBe(false);
    expect(await db.agents.get('npub1')).toBeDefined();
  });
});

describe('agents.listAll and listByState', () => {
  it('give the newest updated_at first, then the greatest npub by its bytes', async () => {
    const { db, time } = await testDatabase();
    // By UTF-16 code units the last two stand the other way round.
    const npubs = ['A', 'a', 'é', '\uff5e', '\u{1f600}'];
    for (const npub of npubs) await db.agents.upsert({ ...BOB, npub });
    time.now += 1;
    await db.agents.upsert({ ...BOB, npub: 'late', lifecycle_state: 'dormant' });
    await db.agents.updateBalance('a', 1);
    const order = async (agents: Promise<Agent[]>) => (await agents).map(({ npub }) => npub);
    const active = ['a', '\u{1f600}', '\uff5e', 'é', 'A'];
    expect(await order(db.agents.listAll())).toEqual(['late', ...active]);
    expect(await order(db.agents.listByState('active'))).toEqual(active);
    expect(await order(db.agents.listByState('dormant'))).toEqual(['late']);
    expect(await order(db.agents.listByState('terminated'))).toEqual([]);
  });
});

describe('agents.updateState', () => {
  const pairs = LIFECYCLE_STATES.flatMap((from) =>
    LIFECYCLE_STATES.map((to) => [from, to] as const),
  );

  it.each(pairs)('takes an agent from %s to %s', async (from, to) => {
    const { db, time, stored } = await testDatabase();
    await db.agents.upsert({ ...FULL, lifecycle_state: from });
    time.now += 60;
    const agent = { ...FULL, lifecycle_state: to, updated_at: NOON + 60 };
    expect(await db.agents.updateState('npub1', to)).toEqual(agent);
    expect(await stored('select * from agents')).toEqual([agent]);
  });
});

describe('agents.updateBalance', () => {
  it.each([0, 500, Number.MAX_SAFE_INTEGER])('sets %d', async (balance_sats) => {
    const { db, time, stored } = await testDatabase();
    await db.agents.upsert({ ...FULL, balance_sats: 1 });
    time.now += 60;
    const agent = { ...FULL, balance_sats, updated_at: NOON + 60 };
    expect(await db.agents.updateBalance('npub1', balance_sats)).toEqual(agent);
    expect(await stored('select * from agents')).toEqual([agent]);
  });
});

describe('agents.adjustBalance', () => {
  const MAX = Number.MAX_SAFE_INTEGER;

  it.each([
    [5, 3, 8],
    [5, -5, 0],
    [5, 0, 5],
    [0, MAX, MAX],
    [MAX, -MAX, 0],
    [MAX - 1, 1, MAX],
  ])('of %d by %d gives %d', async (balance_sats, delta, expected) => {
    const { db, time, stored, literals } = await testDatabase();
    await db.agents.upsert({ ...FULL, balance_sats });
    time.now += 60;
    const agent = { ...FULL, balance_sats: expected, updated_at: NOON + 60 };
    expect(await db.agents.adjustBalance('npub1', delta)).toEqual(agent);
    expect(await stored('select * from agents')).toEqual([agent]);
    // An integer: a float would be 8.0 there.
    expect((await literals('agents'))['agents']).toEqual([
      expect.stringContaining(` balance_sats=${expected} `),
    ]);
  });

  it.each([
    [5, -6],
    [0, -MAX],
    [MAX, 1],
    [MAX, MAX],
  ])('of %d by %d is OUT_OF_RANGE and changes nothing', async (balance_sats, delta) => {
    const { db, time, stored } = await testDatabase();
    const agent = await db.agents.upsert({ ...FULL, balance_sats });
    time.now += 60;
    await expect(db.agents.adjustBalance('npub1', delta)).rejects.toMatchObject({
      code: 'OUT_OF_RANGE',
      operation: 'agents.adjustBalance',
      details: { table: 'agents', column: 'balance_sats', key: 'npub1' },
    });
    expect(await stored('select * from agents')).toEqual([agent]);
  });

  it('adds up over many callers on two connections', async () => {
    const { db, open } = await testDatabase();
    const other = await open();
    await db.agents.upsert(BOB);
    await Promise.all(
      Array.from({ length: 200 }, (_, i) => (i % 2 ? db : other).agents.adjustBalance('npub1', i)),
    );
    expect(await db.agents.get('npub1')).toMatchObject({ balance_sats: 19_900 });
  });

  it('never spends the same sat twice', async () => {
    const { db, open } = await testDatabase();
    const other = await open();
    await db.agents.upsert({ ...BOB, balance_sats: 60 });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 100 }, (_, i) => (i % 2 ? db : other).agents.adjustBalance('npub1', -1)),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(60);
    expect(await db.agents.get('npub1')).toMatchObject({ balance_sats: 0 });
  });
});
