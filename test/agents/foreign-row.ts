import { expect } from 'vitest';
import type { PylonDb } from '../../src/index.js';
import { type TestDatabase, testDatabase } from '../database.js';

/** What another program stores in a column, and the error that reading it gives. */
export type Bad = readonly [column: string, sql: string, code: 'CORRUPT_ROW' | 'OUT_OF_RANGE'];

export const AGENT_INTEGERS = [
  ...['balance_sats', 'tick_count', 'last_tick_at', 'created_at', 'updated_at'],
];
export const TICK_INTEGERS = [
  ...['tick_number', 'prompt_tokens', 'completion_tokens'],
  ...['cost_sats', 'duration_ms', 'created_at'],
];

/** An agent `a` with one tick, and what another program did to them. */
export async function agentAfter(
  sql: string,
): Promise<TestDatabase & { all: () => Promise<object> }> {
  const database = await testDatabase();
  await database.db.agents.upsert({ npub: 'a', name: 'Bob', lifecycle_state: 'active' });
  await database.db.agents.recordTick('a', { tick_number: 1 });
  await database.writeByAnother(sql);
  return { ...database, all: () => database.literals('agents', 'tick_history') };
}

/** Reading the agent throws `code` naming its column, wherever it is read. */
export async function expectTold(column: string, sql: string, code: Bad[2]): Promise<void> {
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
}

/** Reading the tick throws `code` naming its column. */
export async function expectTickTold(column: string, sql: string, code: Bad[2]): Promise<void> {
  const { db } = await agentAfter(`update tick_history set ${column} = ${sql}`);
  await expect(db.agents.tickHistory('a')).rejects.toMatchObject({
    code,
    operation: 'agents.tickHistory',
    details: { table: 'tick_history', column, key: '1' },
    message: expect.stringContaining(`tick_history.${column} of row 1`),
  });
}

/** An agent with what `sql` says in `column` is refused by `change`, and stays as it is. */
export async function expectLeftAlone(
  [column, sql, code]: Bad,
  change: (db: PylonDb) => Promise<unknown>,
): Promise<void> {
  const { db, all } = await agentAfter(`update agents set ${column} = ${sql}`);
  const before = await all();
  await expect(change(db)).rejects.toMatchObject({ code, table: 'agents', column, key: 'a' });
  expect(await all()).toEqual(before);
}

export const adjustBalance = (db: PylonDb) => db.agents.adjustBalance('a', 1);
export const recordTick = (db: PylonDb) => db.agents.recordTick('a', { tick_number: 2 });

export const CHANGES = [
  ['updateState', (db: PylonDb) => db.agents.updateState('a', 'dormant')],
  ['updateBalance', (db: PylonDb) => db.agents.updateBalance('a', 5)],
  ['adjustBalance', (db: PylonDb) => db.agents.adjustBalance('a', 5)],
  [
    'upsert',
    (db: PylonDb) => db.agents.upsert({ npub: 'a', name: 'Al', lifecycle_state: 'dormant' }),
  ],
] as const;
