import { describe, expect, it } from 'vitest';
import {
  AGENT_INTEGERS,
  adjustBalance,
  agentAfter,
  type Bad,
  CHANGES,
  expectLeftAlone,
  expectTickTold,
  expectTold,
  recordTick,
  TICK_INTEGERS,
} from './foreign-row.js';

const TOO_LARGE = '9007199254740992';

const badIntegers = (column: string): Bad[] => [
  [column, TOO_LARGE, 'OUT_OF_RANGE'],
  [column, '-9007199254740992', 'OUT_OF_RANGE'],
];

describe('an agent that another program wrote', () => {
  it.each([
    ...AGENT_INTEGERS.flatMap(badIntegers),
    ['lifecycle_state', "'asleep'", 'CORRUPT_ROW'] as const,
  ])('with %s = %s throws %s wherever it is read', async (column, sql, code) => {
    await expectTold(column, sql, code);
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

  it.each([TOO_LARGE, '9223372036854775807'])(
    'with the balance %s is not adjusted from it',
    async (balance) => {
      await expectLeftAlone(['balance_sats', balance, 'OUT_OF_RANGE'], adjustBalance);
    },
  );

  it.each(['9007199254740991', '9223372036854775807'])(
    'with the tick_count %s is not counted on from it',
    async (count) => {
      await expectLeftAlone(['tick_count', count, 'OUT_OF_RANGE'], recordTick);
    },
  );

  it.each(CHANGES)('with too large a time is left alone by %s', async (_, change) => {
    await expectLeftAlone(['last_tick_at', TOO_LARGE, 'OUT_OF_RANGE'], change);
  });
});

describe('a tick that another program wrote', () => {
  it.each(TICK_INTEGERS.flatMap(badIntegers))(
    'with %s = %s throws %s',
    async (column, sql, code) => {
      await expectTickTold(column, sql, code);
    },
  );

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
