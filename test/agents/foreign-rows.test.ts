import { describe, expect, it } from 'vitest';
import type { PylonDb } from '../../src/index.js';
import { literals, testFile, writeByAnother } from '../file.js';

type Bad = readonly [column: string, sql: string, code: 'CORRUPT_ROW' | 'OUT_OF_RANGE'];

const badIntegers = (column: string): Bad[] => [
  [column, "'12abc'", 'CORRUPT_ROW'],
  [column, "x'31'", 'CORRUPT_ROW'],
  [column, '1.5', 'CORRUPT_ROW'],
  [column, '9007199254740992', 'OUT_OF_RANGE'],
  [column, '-9007199254740992', 'OUT_OF_RANGE'],
];
const badText = (column: string): Bad => [column, "x'68757368'", 'CORRUPT_ROW'];

const AGENT_INTEGERS = ['balance_sats', 'tick_count', 'last_tick_at', 'created_at', 'updated_at'];
const BAD_AGENTS: readonly Bad[] = [
  ...AGENT_INTEGERS.flatMap(badIntegers),
  ...['name', 'memory_json', 'goals_json'].map(badText),
  ['lifecycle_state', "'asleep'", 'CORRUPT_ROW'],
];
const BAD_TICKS: readonly Bad[] = [
  ...['tick_number', 'prompt_tokens', 'completion_tokens'].flatMap(badIntegers),
  ...['cost_sats', 'duration_ms', 'created_at'].flatMap(badIntegers),
  badText('actions_json'),
];

/** An agent `a` with one tick, and what another program did to them. */
async function agentAfter(sql: string) {
  const file = await testFile();
  await file.db.agents.upsert({ npub: 'a', name: 'Bob', lifecycle_state: 'active' });
  await file.db.agents.recordTick('a', { tick_number: 1 });
  writeByAnother(file.path, sql);
  return { ...file, all: () => literals(file.path, 'agents', 'tick_history') };
}

describe('an agent that another program wrote', () => {
  it.each(BAD_AGENTS)('with %s = %s throws %s wherever it is read', async (column, sql, code) => {
    const { db } = await agentAfter(`update agents set ${column} = ${sql}`);
    const error = {
      code,
      table: 'agents',
      column,
      key: 'a',
      details: { table: 'agents', column, key: 'a' },
      message: expect.stringContaining(`agents.${column} of row a`),
    };
    await expect(db.agents.get('a')).rejects.toMatchObject({ ...error, operation: 'agents.get' });
    await expect(db.agents.listAll()).rejects.toMatchObject(error);
    if (column !== 'lifecycle_state') {
      await expect(db.agents.listByState('active')).rejects.toMatchObject(error);
    }
  });

  it.each([
    ['NULL', 'null', 'NULL'],
    ['a blob', "x'41'", 'A'],
  ])('with %s for a key throws CORRUPT_ROW', async (_, sql, key) => {
    const { db } = await agentAfter(`update agents set npub = ${sql}`);
    const error = { code: 'CORRUPT_ROW', table: 'agents', column: 'npub', key };
    await expect(db.agents.listAll()).rejects.toMatchObject(error);
    await expect(db.agents.listByState('active')).rejects.toMatchObject(error);
  });

  it.each([-1, -9_007_199_254_740_991])('with %d comes back as it is', async (value) => {
    const { db } = await agentAfter(
      `update agents set balance_sats = ${value}, created_at = ${value}`,
    );
    expect(await db.agents.get('a')).toMatchObject({ balance_sats: value, created_at: value });
  });

  it('with a debt can be paid out of it, and not deeper into it', async () => {
    const { db } = await agentAfter('update agents set balance_sats = -5');
    const error = { code: 'OUT_OF_RANGE', column: 'balance_sats' };
    await expect(db.agents.adjustBalance('a', -1)).rejects.toMatchObject(error);
    await expect(db.agents.adjustBalance('a', 4)).rejects.toMatchObject(error);
    expect(await db.agents.adjustBalance('a', 7)).toMatchObject({ balance_sats: 2 });
  });

  it.each(['9007199254740992', '9223372036854775807', "'abc'", '1.5', "x'35'"])(
    'with the balance %s is not adjusted from it',
    async (balance) => {
      const { db, all } = await agentAfter(`update agents set balance_sats = ${balance}`);
      const before = all();
      await expect(db.agents.adjustBalance('a', 1)).rejects.toMatchObject({
        table: 'agents',
        column: 'balance_sats',
        key: 'a',
      });
      expect(all()).toEqual(before);
    },
  );

  it.each(["'abc'", '1.5', "x'35'", '9007199254740991', '9223372036854775807'])(
    'with the tick_count %s is not counted on from it',
    async (sql) => {
      const { db, all } = await agentAfter(`update agents set tick_count = ${sql}`);
      const before = all();
      await expect(db.agents.recordTick('a', { tick_number: 2 })).rejects.toMatchObject({
        table: 'agents',
        column: 'tick_count',
        key: 'a',
      });
      expect(all()).toEqual(before);
    },
  );

  const CHANGES = [
    ['updateState', (db: PylonDb) => db.agents.updateState('a', 'dormant')],
    ['updateBalance', (db: PylonDb) => db.agents.updateBalance('a', 5)],
    ['adjustBalance', (db: PylonDb) => db.agents.adjustBalance('a', 5)],
    [
      'upsert',
      (db: PylonDb) => db.agents.upsert({ npub: 'a', name: 'Al', lifecycle_state: 'dormant' }),
    ],
  ] as const;
  it.each(CHANGES)('with a blob for its memory is left alone by %s', async (_, change) => {
    const { db, all } = await agentAfter("update agents set memory_json = x'31'");
    const before = all();
    await expect(change(db)).rejects.toMatchObject({ code: 'CORRUPT_ROW', column: 'memory_json' });
    expect(all()).toEqual(before);
  });
});

describe('a tick that another program wrote', () => {
  it.each(BAD_TICKS)('with %s = %s throws %s', async (column, sql, code) => {
    const { db } = await agentAfter(`update tick_history set ${column} = ${sql}`);
    await expect(db.agents.tickHistory('a')).rejects.toMatchObject({
      code,
      operation: 'agents.tickHistory',
      details: { table: 'tick_history', column, key: '1' },
      message: expect.stringContaining(`tick_history.${column} of row 1`),
    });
  });

  it('with an id beyond 2^53-1 throws OUT_OF_RANGE', async () => {
    const { db } = await agentAfter('update tick_history set id = 9007199254740992');
    await expect(db.agents.tickHistory('a')).rejects.toMatchObject({
      code: 'OUT_OF_RANGE',
      details: { table: 'tick_history', column: 'id', key: '9007199254740992' },
    });
  });

  it('with negative numbers comes back as it is', async () => {
    const { db } = await agentAfter(
      'update tick_history set id = -3, tick_number = -4, cost_sats = -5',
    );
    expect(await db.agents.tickHistory('a')).toMatchObject([
      { id: -3, tick_number: -4, cost_sats: -5 },
    ]);
  });
});
