import { describe, expect, it } from 'vitest';
import type { NewAgent, Tick } from '../../src/index.js';
import { ENGINE, testDatabase } from '../database.js';
import { NOON } from '../file.js';

const BOB: NewAgent = { npub: 'npub1', name: 'Bob', lifecycle_state: 'active', balance_sats: 9 };

async function withBob() {
  const file = await testDatabase();
  await file.db.agents.upsert(BOB);
  file.time.now += 60;
  return { ...file, all: () => file.literals('agents', 'tick_history') };
}

describe('agents.recordTick', () => {
  it('stores nothing under an id that a number would round', async () => {
    const { db, all, writeByAnother } = await withBob();
    await db.agents.recordTick('npub1', { tick_number: 1 });
    await writeByAnother(
      ENGINE === 'postgres'
        ? "select setval(pg_get_serial_sequence('tick_history', 'id'), 9007199254740992)"
        : 'update sqlite_sequence set seq = 9007199254740992',
    );
    const before = await all();
    const calls = [2, 3].map((tick_number) => db.agents.recordTick('npub1', { tick_number }));
    for (const call of await Promise.allSettled(calls)) {
      expect(call).toMatchObject({ reason: { code: 'OUT_OF_RANGE', column: 'id' } });
    }
    expect(await all()).toEqual(before);
  });

  it('stores the tick and counts it on its agent, whose balance stays', async () => {
    const { db, stored } = await withBob();
    const tick: Tick = {
      id: 1,
      agent_npub: 'npub1',
      tick_number: 42,
      prompt_tokens: 100,
      completion_tokens: 50,
      actions_json: '["Post"]',
      cost_sats: 5,
      duration_ms: 1200,
      created_at: NOON + 60,
    };
    const { id: _, agent_npub: __, created_at: ___, ...given } = tick;
    expect(await db.agents.recordTick('npub1', given)).toEqual(tick);
    expect(await stored('select * from tick_history')).toEqual([tick]);
    expect(await db.agents.get('npub1')).toMatchObject({
      balance_sats: 9,
      tick_count: 1,
      last_tick_at: NOON + 60,
      updated_at: NOON + 60,
      created_at: NOON,
    });
  });

  it('gives 0 for -0, as it and its agent are stored', async () => {
    const { db, stored } = await withBob();
    const zeros = { prompt_tokens: 0, completion_tokens: 0, cost_sats: 0, duration_ms: 0 };
    const minus = { prompt_tokens: -0, completion_tokens: -0, cost_sats: -0, duration_ms: -0 };
    const tick = await db.agents.recordTick('npub1', { tick_number: -0, ...minus });
    expect(tick).toMatchObject({ tick_number: 0, ...zeros });
    expect(await stored('select * from tick_history')).toEqual([tick]);
    const times = { last_tick_at: -0, created_at: -0 };
    const agent = await db.agents.upsert({
      ...BOB,
      npub: 'npub0',
      balance_sats: -0,
      tick_count: -0,
      ...times,
    });
    expect(agent).toMatchObject({ balance_sats: 0, tick_count: 0, last_tick_at: 0, created_at: 0 });
    expect(await db.agents.adjustBalance('npub0', -0)).toMatchObject({ balance_sats: 0 });
    expect(await db.agents.updateBalance('npub1', -0)).toMatchObject({ balance_sats: 0 });
  });

  it('takes nothing for what is left out', async () => {
    const { db } = await withBob();
    expect(await db.agents.recordTick('npub1', { tick_number: 0 })).toEqual({
      id: 1,
      agent_npub: 'npub1',
      tick_number: 0,
      prompt_tokens: null,
      completion_tokens: null,
      actions_json: null,
      cost_sats: null,
      duration_ms: null,
      created_at: NOON + 60,
    });
  });

  it('counts every tick, of many callers on two connections', async () => {
    const { db, open, stored } = await withBob();
    const other = await open();
    const ticks = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        (i % 2 ? db : other).agents.recordTick('npub1', { tick_number: i }),
      ),
    );
    expect(new Set(ticks.map(({ id }) => id)).size).toBe(100);
    expect(await stored('select * from tick_history order by tick_number')).toEqual(ticks);
    expect(await db.agents.get('npub1')).toMatchObject({ tick_count: 100 });
  });

  it('counts nothing when the tick can not be stored', async () => {
    const { db, all, refuse } = await withBob();
    await refuse('before insert on tick_history', 'new.tick_number = 13');
    const before = await all();
    await expect(db.agents.recordTick('npub1', { tick_number: 13 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      constraint: 'trigger',
    });
    expect(await all()).toEqual(before);
    await Promise.allSettled([
      db.agents.recordTick('npub1', { tick_number: 12 }),
      db.agents.recordTick('npub1', { tick_number: 13 }),
      db.agents.recordTick('npub1', { tick_number: 14 }),
    ]);
    expect(await db.agents.get('npub1')).toMatchObject({ tick_count: 2 });
  });

  it('refuses to count beyond 2^53-1', async () => {
    const { db, all } = await withBob();
    await db.agents.upsert({ ...BOB, tick_count: Number.MAX_SAFE_INTEGER });
    const before = await all();
    await expect(db.agents.recordTick('npub1', { tick_number: 1 })).rejects.toMatchObject({
      code: 'OUT_OF_RANGE',
      column: 'tick_count',
    });
    expect(await all()).toEqual(before);
  });
});

describe('agents.recordTick without a number', () => {
  it('gives the number after the highest, and after the count where that is ahead', async () => {
    const { db, stored } = await withBob();
    const numbers = [];
    numbers.push((await db.agents.recordTick('npub1', {})).tick_number);
    await db.agents.recordTick('npub1', { tick_number: 40 });
    numbers.push((await db.agents.recordTick('npub1', { cost_sats: 2 })).tick_number);
    await db.agents.upsert({ ...BOB, tick_count: 100 });
    const last = await db.agents.recordTick('npub1', { actions_json: '["Post"]', duration_ms: 7 });
    expect([...numbers, last.tick_number]).toEqual([1, 41, 101]);
    expect(await stored('select * from tick_history order by id desc limit 1')).toEqual([last]);
    expect(await db.agents.get('npub1')).toMatchObject({ tick_count: 101, balance_sats: 9 });
  });

  it('gives no number twice, to many callers on two connections', async () => {
    const { db, open } = await withBob();
    const other = await open();
    const ticks = await Promise.all(
      Array.from({ length: 60 }, (_, i) => (i % 2 ? db : other).agents.recordTick('npub1', {})),
    );
    const numbers = ticks.map((tick) => tick.tick_number).sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
  });

  it('stores nothing where the next number would be beyond 2^53-1', async () => {
    const { db, all } = await withBob();
    await db.agents.recordTick('npub1', { tick_number: Number.MAX_SAFE_INTEGER });
    const before = await all();
    await expect(db.agents.recordTick('npub1', {})).rejects.toMatchObject({
      code: 'OUT_OF_RANGE',
      column: 'tick_number',
    });
    expect(await all()).toEqual(before);
  });

  it('is NOT_FOUND for an agent that is not there', async () => {
    const { db } = await withBob();
    await expect(db.agents.recordTick('nobody', {})).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('agents.recordTick with charge', () => {
  const CHARGED = { tick_number: 7, cost_sats: 5, prompt_tokens: 3, charge: true } as const;

  it('takes the cost from the balance with the tick', async () => {
    const { db, stored } = await withBob();
    const tick = await db.agents.recordTick('npub1', CHARGED);
    expect(tick).toMatchObject({ tick_number: 7, cost_sats: 5, prompt_tokens: 3 });
    expect(await stored('select * from tick_history')).toEqual([tick]);
    expect(await db.agents.get('npub1')).toMatchObject({
      balance_sats: 4,
      tick_count: 1,
      last_tick_at: NOON + 60,
      updated_at: NOON + 60,
    });
  });

  it('gives the stored tick to a repeat, later too, and charges nothing', async () => {
    const { db, all, time } = await withBob();
    const first = await db.agents.recordTick('npub1', CHARGED);
    const before = await all();
    time.now += 60;
    expect(await db.agents.recordTick('npub1', CHARGED)).toEqual(first);
    expect(await all()).toEqual(before);
  });

  it.each([
    ['cost_sats', { ...CHARGED, cost_sats: 4 }],
    ['prompt_tokens', { ...CHARGED, prompt_tokens: null }],
    ['actions_json', { ...CHARGED, actions_json: '[]' }],
  ])('refuses a number that stands with another %s', async (_, other) => {
    const { db, all } = await withBob();
    await db.agents.recordTick('npub1', CHARGED);
    const before = await all();
    await expect(db.agents.recordTick('npub1', other)).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
      entity: 'tick',
    });
    expect(await all()).toEqual(before);
  });

  it('stores nothing that the balance does not cover', async () => {
    const { db, all } = await withBob();
    const before = await all();
    await expect(
      db.agents.recordTick('npub1', { tick_number: 1, cost_sats: 10, charge: true }),
    ).rejects.toMatchObject({ code: 'OUT_OF_RANGE', column: 'balance_sats' });
    expect(await all()).toEqual(before);
  });

  it('charges once, of equal calls on two connections', async () => {
    const { db, open, stored } = await withBob();
    const other = await open();
    await db.agents.updateBalance('npub1', 1000);
    for (let tick_number = 0; tick_number < 20; tick_number++) {
      const call = { ...CHARGED, tick_number };
      const [one, two] = await Promise.all([
        db.agents.recordTick('npub1', call),
        other.agents.recordTick('npub1', call),
      ]);
      expect(two).toEqual(one);
    }
    expect(await stored('select count(*) as n from tick_history')).toEqual([{ n: 20 }]);
    expect(await db.agents.get('npub1')).toMatchObject({ balance_sats: 900, tick_count: 20 });
  });

  it('never takes more than the balance, of many calls on two connections', async () => {
    const { db, open, stored } = await withBob();
    const other = await open();
    const calls = Array.from({ length: 12 }, (_, i) =>
      (i % 2 ? db : other).agents.recordTick('npub1', {
        tick_number: i,
        cost_sats: 2,
        charge: true,
      }),
    );
    const ended = await Promise.allSettled(calls);
    expect(ended.filter((call) => call.status === 'fulfilled')).toHaveLength(4);
    for (const call of ended) {
      if (call.status === 'rejected') expect(call.reason).toMatchObject({ code: 'OUT_OF_RANGE' });
    }
    expect(await stored('select count(*) as n from tick_history')).toEqual([{ n: 4 }]);
    expect(await db.agents.get('npub1')).toMatchObject({ balance_sats: 1, tick_count: 4 });
  });

  it('is whole or absent inside a transaction that goes on after its error', async () => {
    const { db } = await withBob();
    await db.transaction(async (tx) => {
      await tx.agents.recordTick('npub1', CHARGED);
      const refused = tx.agents.recordTick('npub1', { ...CHARGED, tick_number: 8 });
      await expect(refused).rejects.toMatchObject({ code: 'OUT_OF_RANGE' });
      await tx.agents.recordTick('npub1', {});
    });
    expect(await db.agents.get('npub1')).toMatchObject({ balance_sats: 4, tick_count: 2 });
  });
});

describe('agents.tickHistory', () => {
  it('gives the highest tick_number first, then the highest id', async () => {
    const { db } = await withBob();
    await db.agents.upsert({ ...BOB, npub: 'other' });
    for (const tick_number of [3, 1, 2, 3]) await db.agents.recordTick('npub1', { tick_number });
    await db.agents.recordTick('other', { tick_number: 9 });
    const ticks = await db.agents.tickHistory('npub1');
    expect(ticks.map((tick) => [tick.tick_number, tick.id])).toEqual([
      [3, 4],
      [3, 1],
      [2, 3],
      [1, 2],
    ]);
  });

  it('gives ten ticks unless the caller names another limit', async () => {
    const { db } = await withBob();
    for (let i = 0; i < 12; i++) await db.agents.recordTick('npub1', { tick_number: i });
    expect(await db.agents.tickHistory('npub1')).toHaveLength(10);
    expect(await db.agents.tickHistory('npub1', { limit: 11 })).toHaveLength(11);
  });

  it('pages thousands of one number without a gap or a repeat while others insert', async () => {
    const { db, open, stored, writeByAnother } = await withBob();
    const other = await open();
    const insertTicks = (count: number, tick_number: number) =>
      writeByAnother(
        `with recursive n(i) as (select 1 union all select i + 1 from n where i < ${count})
         insert into tick_history (agent_npub, tick_number) select 'npub1', ${tick_number} from n`,
      );
    const rows = () => stored('select * from tick_history order by tick_number desc, id desc');
    await insertTicks(1500, 7);
    await insertTicks(50, 6);
    await insertTicks(50, 8);
    await insertTicks(1500, 7);
    const before = await rows();

    const seen: Tick[] = [];
    for (let last: Tick | undefined; ; ) {
      const page = await db.agents.tickHistory('npub1', {
        limit: 97,
        ...(last && { before: last }),
      });
      seen.push(...page);
      if (page.length < 97) break;
      last = page.at(-1);
      await insertTicks(10, 7);
      await insertTicks(1, 6);
      await other.agents.recordTick('npub1', { tick_number: 7 });
    }

    const ids = new Set(seen.map((tick) => tick.id));
    expect(ids.size).toBe(seen.length);
    const isOld = new Set(before.map((row) => Reflect.get(row, 'id')));
    expect(seen.filter((tick) => isOld.has(tick.id))).toEqual(before);
    expect(seen).toEqual((await rows()).filter((row) => ids.has(Reflect.get(row, 'id'))));
  });

  it('goes on after a negative tick_number that another program stored', async () => {
    const { db, writeByAnother } = await withBob();
    await writeByAnother(
      `insert into tick_history (agent_npub, tick_number) values ('npub1', -1), ('npub1', -2)`,
    );
    const [last] = await db.agents.tickHistory('npub1', { limit: 1 });
    expect(last?.tick_number).toBe(-1);
    const rest = await db.agents.tickHistory('npub1', { ...(last && { before: last }) });
    expect(rest).toMatchObject([{ tick_number: -2 }]);
  });
});

describe('agents.delete', () => {
  it('deletes the agent with its ticks, and no others', async () => {
    const { db, stored } = await withBob();
    await db.agents.upsert({ ...BOB, npub: 'other' });
    await db.agents.recordTick('npub1', { tick_number: 1 });
    await db.agents.recordTick('npub1', { tick_number: 2 });
    const kept = await db.agents.recordTick('other', { tick_number: 1 });
    expect(await db.agents.delete('npub1')).toBe(true);
    expect(await db.agents.get('npub1')).toBeUndefined();
    expect(await db.agents.tickHistory('npub1')).toEqual([]);
    expect(await stored('select * from tick_history')).toEqual([kept]);
    expect(await db.agents.delete('npub1')).toBe(false);
  });

  it('keeps the ticks when the agent can not be deleted', async () => {
    const { db, all, refuse } = await withBob();
    await db.agents.recordTick('npub1', { tick_number: 1 });
    await refuse('before delete on agents');
    const before = await all();
    await expect(db.agents.delete('npub1')).rejects.toMatchObject({ constraint: 'trigger' });
    expect(await all()).toEqual(before);
  });

  it('never gives the id of a deleted tick again', async () => {
    const { db } = await withBob();
    const { id } = await db.agents.recordTick('npub1', { tick_number: 1 });
    await db.agents.delete('npub1');
    await db.agents.upsert(BOB);
    const tick = await db.agents.recordTick('npub1', { tick_number: 1 });
    expect(tick.id).toBeGreaterThan(id);
    expect(await db.agents.get('npub1')).toMatchObject({ tick_count: 1 });
  });
});
