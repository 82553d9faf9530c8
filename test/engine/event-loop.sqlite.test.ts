import { sql } from 'kysely';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { testDatabase } from '../database.js';
import { job } from './fresh.js';

/** An expression that takes longer than a turn of the event loop may, on any machine. */
const SLOW = sql<number>`(with recursive n (i) as (select 1 union all select i + 1 from n where i < 150000)
  select count(*) from n)`;

/** Calls of each kind. */
const CALLS = 6;

type SlowCall = (kysely: PylonDb['kysely']) => Promise<unknown>;
const read: SlowCall = (kysely) => sql`select ${SLOW}`.execute(kysely);
const write: SlowCall = (kysely) => kysely.updateTable('jobs').set({ price_msats: SLOW }).execute();

/** Counts the turns of the event loop until the test has finished. */
function countTurns(): () => number {
  let turns = 0;
  let next = setImmediate(function turn() {
    turns += 1;
    next = setImmediate(turn);
  });
  onTestFinished(() => clearImmediate(next));
  return () => turns;
}

/** Whether the event loop went on between any two of the answers. */
function expectTurnsBetween(answeredInTurn: readonly number[]): void {
  expect(answeredInTurn).toHaveLength(CALLS);
  for (const [i, turn] of answeredInTurn.entries()) {
    expect(turn, `the answer of call ${i}`).toBeGreaterThan(answeredInTurn[i - 1] ?? -1);
  }
}

const OPENERS = {
  'a file': async () => (await testDatabase()).db,
  memory: async () => {
    const db = await PylonDb.openInMemory();
    onTestFinished(() => db.close());
    return db;
  },
};

describe.each(['a file', 'memory'] as const)(
  'slow calls leave timers and sockets their turn (%s)',
  (where) => {
    const open = async () => {
      const db = await OPENERS[where]();
      await db.jobs.create(job('a'));
      // Lone reads in a row run at once.
      await db.jobs.get('a');
      return db;
    };

    it.each([
      ['reads', read],
      ['writes', write],
      ['transactions', (kysely) => kysely.transaction().execute((tx) => read(tx))],
    ] satisfies [string, SlowCall][])('%s, one after another', async (_, call) => {
      const db = await open();
      const turn = countTurns();
      const answeredInTurn: number[] = [];
      for (let i = 0; i < CALLS; i++) {
        await call(db.kysely);
        answeredInTurn.push(turn());
      }
      expectTurnsBetween(answeredInTurn);
    });

    it.each([
      ['reads', read],
      ['writes', write],
      ['transactions', (kysely) => kysely.transaction().execute((tx) => read(tx))],
    ] satisfies [string, SlowCall][])('%s, all at once', async (_, call) => {
      const db = await open();
      const turn = countTurns();
      const answeredInTurn: number[] = [];
      await Promise.all(
        Array.from({ length: CALLS }, async () => {
          await call(db.kysely);
          answeredInTurn.push(turn());
        }),
      );
      expectTurnsBetween(answeredInTurn);
    });

    it.each([
      ['reads', read],
      ['writes', write],
    ])('%s, one after another in a transaction', async (_, call) => {
      const db = await open();
      const turn = countTurns();
      const answeredInTurn: number[] = [];
      await db.transaction(async ({ kysely }) => {
        for (let i = 0; i < CALLS; i++) {
          await call(kysely);
          answeredInTurn.push(turn());
        }
      });
      expectTurnsBetween(answeredInTurn);
    });
  },
);

describe('calls of one transaction', () => {
  it('belong to it though nobody awaits them, and are answered in their order', async () => {
    const { db, stored } = await testDatabase();
    const answered: number[] = [];
    const calls: Promise<unknown>[] = [];
    await db.transaction(async (tx) => {
      for (let i = 0; i < CALLS; i++) {
        const call = i % 2 === 0 ? tx.jobs.create(job(`${i}`)) : read(tx.kysely);
        calls.push(call.then(() => answered.push(i)));
      }
      await Promise.all(calls);
      calls.push(tx.jobs.create(job('last')));
    });
    await Promise.all(calls);
    expect(await stored('select id from jobs order by rowid')).toEqual(
      ['0', '2', '4', 'last'].map((id) => ({ id })),
    );
  });
});
