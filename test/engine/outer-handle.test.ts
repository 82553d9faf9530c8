import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { isPylonDbError, type PylonDb, type QueryEvent } from '../../src/index.js';
import { ENGINE, itBesideOthers, testDatabase } from '../database.js';
import { signal } from '../signal.js';
import { failureOf, rejection } from './failure.js';
import { agent, job } from './fresh.js';

const CALLS: readonly [name: string, call: (db: PylonDb) => Promise<unknown>][] = [
  ['jobs.create', (db) => db.jobs.create(job('outer'))],
  ['jobs.get', (db) => db.jobs.get('outer')],
  ['jobs.countByStatus', (db) => db.jobs.countByStatus()],
  ['earnings.total', (db) => db.earnings.total()],
  ['agents.recordTick', (db) => db.agents.recordTick('n', { tick_number: 1 })],
  ['transaction', (db) => db.transaction(async () => {})],
  ['kysely.transaction', (db) => db.kysely.transaction().execute(async () => {})],
  ['close', (db) => db.close()],
  ['Symbol.asyncDispose', (db) => db[Symbol.asyncDispose]()],
];

const QUERIES: typeof CALLS = [
  ['select', async (db) => await db.kysely.selectFrom('jobs').selectAll().execute()],
  ['delete', async (db) => await db.kysely.deleteFrom('jobs').execute()],
  ['sql', async (db) => await sql`select 1`.execute(db.kysely)],
  ['withoutPlugins', async (db) => await db.kysely.withoutPlugins().deleteFrom('jobs').execute()],
  ['withTables', async (db) => await db.kysely.withTables().deleteFrom('jobs').execute()],
  ['withSchema', async (db) => await db.kysely.withSchema('main').deleteFrom('jobs').execute()],
];

describe.each(QUERIES)('a query of db.kysely (%s) inside a transaction', (_, call) => {
  it('rejects while the transaction is open, naming the opener', async () => {
    const asked: string[] = [];
    const { db } = await testDatabase({ onQuery: ({ sql }) => void asked.push(sql) });
    await db.transaction(async () => {
      const before = [...asked];
      // A call that waited for this transaction would never end.
      const error = await failureOf(call(db), 'OUTER_HANDLE_IN_TRANSACTION');
      expect(asked).toEqual(before);
      expect(error.transactionOpenedAt).toMatch(/outer-handle\.test\.ts:\d+:\d+$/);
    });
  });

  it('names the caller', async () => {
    const { db } = await testDatabase();
    await db.transaction(async () => {
      const error = await failureOf(call(db), 'OUTER_HANDLE_IN_TRANSACTION');
      expect(error.calledAt).toMatch(/outer-handle\.test\.ts:\d+:\d+$/);
    });
  });
});

describe.each(CALLS)('db.%s inside a transaction', (_, call) => {
  it.each(ENGINE === 'sqlite' ? ['a file', 'memory'] : ['a server'])(
    'rejects while the transaction is open, naming both places (%s)',
    async (where) => {
      const { PylonDb } = await import('../../src/index.js');
      const asked: string[] = [];
      const options = { onQuery: ({ sql }: QueryEvent) => void asked.push(sql) };
      const db =
        where === 'memory' ? await PylonDb.openInMemory(options) : (await testDatabase(options)).db;
      await db.transaction(async (tx) => {
        await tx.jobs.create(job('inner'));
        const before = [...asked];
        // A call that waited for this transaction would never end.
        const error = await failureOf(call(db), 'OUTER_HANDLE_IN_TRANSACTION');
        expect(asked).toEqual(before);
        for (const place of [error.calledAt, error.transactionOpenedAt]) {
          expect(place).toMatch(/outer-handle\.test\.ts:\d+:\d+$/);
          expect(error.message).toContain(place);
        }
        expect(error.calledAt).not.toBe(error.transactionOpenedAt);
        await tx.jobs.create(job('inner too'));
      });
      expect(await db.jobs.list()).toHaveLength(2);
      await db.close();
    },
  );
});

describe('the guard', () => {
  it('names the line that opened the transaction and the line that called', async () => {
    const { db } = await testDatabase();
    const here = () => Number(new Error().stack?.match(/test\.ts:\d+/g)?.[1]?.slice(8));
    const opened = here() + 1;
    await db.transaction(async () => {
      const called = here() + 1;
      const error = await failureOf(db.jobs.get('x'), 'OUTER_HANDLE_IN_TRANSACTION');
      expect(error.calledAt).toContain(`outer-handle.test.ts:${called}:`);
      expect(error.transactionOpenedAt).toContain(`outer-handle.test.ts:${opened}:`);
    });
  });

  it('works through helpers, timers and nested calls', async () => {
    const { db } = await testDatabase();
    await db.transaction(async () => {
      await sleep(5);
      const errors = await Promise.all([
        rejection(new Promise((resolve) => setImmediate(resolve)).then(() => db.jobs.list())),
        rejection((async () => await db.agents.upsert(agent('n')))()),
      ]);
      for (const error of errors) {
        expect(isPylonDbError(error, 'OUTER_HANDLE_IN_TRANSACTION')).toBe(true);
      }
    });
  });

  itBesideOthers('does not concern calls of others while a transaction is open', async () => {
    const { db, stored } = await testDatabase();
    let created = false;
    const transaction = db.transaction(async () => {
      while (!created) await sleep(1);
    });
    await sleep(5);
    expect(await db.jobs.list()).toEqual([]);
    const creating = db.jobs.create(job('outside'));
    created = true;
    await Promise.all([transaction, creating]);
    expect(await stored('select id from jobs')).toEqual([{ id: 'outside' }]);
  });

  itBesideOthers('does not concern another database', async () => {
    const [{ db: one }, { db: two }] = [await testDatabase(), await testDatabase()];
    await one.transaction(async (tx) => {
      await two.jobs.create(job('a'));
      await two.transaction(async (tx2) => {
        await tx2.jobs.create(job('b'));
        await tx.jobs.create(job('c'));
        await failureOf(one.jobs.list(), 'OUTER_HANDLE_IN_TRANSACTION');
        await failureOf(two.jobs.list(), 'OUTER_HANDLE_IN_TRANSACTION');
      });
      await two.jobs.create(job('d'));
    });
    expect(await two.jobs.list()).toHaveLength(3);
    expect(await one.jobs.list()).toHaveLength(1);
  });

  it.each([
    ['committed', false],
    ['rolled back', true],
  ])('lets work that the callback left running use db once it is %s', async (_, throws) => {
    const { db, stored } = await testDatabase();
    const ended = signal();
    let left: Promise<unknown> = Promise.resolve();
    const call = db.transaction(async () => {
      left = ended.given.then(() => db.jobs.create(job('leaked')));
      if (throws) throw new Error('own');
    });
    await call.catch(() => undefined);
    ended.give();
    await left;
    expect(await stored('select id from jobs')).toEqual([{ id: 'leaked' }]);
  });

  itBesideOthers('still knows such work when another transaction is open by then', async () => {
    const { db } = await testDatabase();
    const another = signal();
    let left: Promise<unknown> = Promise.resolve();
    await db.transaction(async () => {
      left = another.given.then(() => db.jobs.get('nothing'));
    });
    await db.transaction(async () => {
      another.give();
      expect(await left).toBeUndefined();
      await failureOf(db.jobs.get('nothing'), 'OUTER_HANDLE_IN_TRANSACTION');
    });
  });
});
