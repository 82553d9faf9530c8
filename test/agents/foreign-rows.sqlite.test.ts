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

// What only SQLite stores: values of another type than the column's, and keys that are NULL.

const badIntegers = (column: string): Bad[] => [
  [column, "'12abc'", 'CORRUPT_ROW'],
  [column, "x'31'", 'CORRUPT_ROW'],
  [column, '1.5', 'CORRUPT_ROW'],
];
const badText = (column: string): Bad => [column, "x'68757368'", 'CORRUPT_ROW'];

describe('an agent of wrong types that another program wrote', () => {
  it.each([
    ...AGENT_INTEGERS.flatMap(badIntegers),
    ...['name', 'memory_json', 'goals_json'].map(badText),
  ])('with %s = %s throws %s wherever it is read', async (column, sql, code) => {
    await expectTold(column, sql, code);
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

  it.each(["'abc'", '1.5', "x'35'"])(
    'with the balance %s is not adjusted from it',
    async (balance) => {
      await expectLeftAlone(['balance_sats', balance, 'CORRUPT_ROW'], adjustBalance);
    },
  );

  it.each(["'abc'", '1.5', "x'35'"])(
    'with the tick_count %s is not counted on from it',
    async (count) => {
      await expectLeftAlone(['tick_count', count, 'CORRUPT_ROW'], recordTick);
    },
  );

  it.each(CHANGES)('with a blob for its memory is left alone by %s', async (_, change) => {
    await expectLeftAlone(['memory_json', "x'31'", 'CORRUPT_ROW'], change);
  });
});

describe('a tick of wrong types that another program wrote', () => {
  it.each([...TICK_INTEGERS.flatMap(badIntegers), badText('actions_json')])(
    'with %s = %s throws %s',
    async (column, sql, code) => {
      await expectTickTold(column, sql, code);
    },
  );
});
