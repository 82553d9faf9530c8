import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { isPylonDbError, type PylonDbTransaction } from '../../src/index.js';
import { testDatabase } from '../database.js';
import { failureOf, rejection } from './failure.js';
import { agent, job } from './fresh.js';

// What holds on SQLite alone: one transaction at a time, among the other writes, and statements
// after which SQLite undoes all of it.

describe('db.transaction on SQLite', () => {
  it('takes its place among the writes around it', async () => {
    const { db, stored } = await testDatabase();
    const seen: string[] = [];
    await Promise.all([
      db.jobs.create(job('before')),
      db.transaction(async (tx) => {
        for (const { id } of await tx.jobs.list()) seen.push(id);
        await sleep(20);
        await tx.jobs.create(job('inside'));
      }),
      db.jobs.create(job('after')),
    ]);
    expect(seen).toEqual(['before']);
    const order = await stored('select id from jobs order by rowid');
    expect(order).toEqual([{ id: 'before' }, { id: 'inside' }, { id: 'after' }]);
  });

  it('runs one at a time, in the order of the calls', async () => {
    const { db } = await testDatabase();
    await db.agents.upsert(agent('n'));
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        db.transaction(async (tx) => {
          order.push(i);
          const found = await tx.agents.get('n');
          await sleep(1);
          await tx.agents.updateBalance('n', (found?.balance_sats ?? 0) + 1);
          order.push(i);
        }),
      ),
    );
    expect(order).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7]);
    expect((await db.agents.get('n'))?.balance_sats).toBe(8);
  });

  it('sees what the transaction before it stored, and nothing of one that rolled back', async () => {
    const { db } = await testDatabase();
    const seen: string[][] = [];
    const look = async (tx: PylonDbTransaction, id: string) => {
      seen.push((await tx.jobs.list()).map((found) => found.id));
      await tx.jobs.create(job(id));
    };
    const failing = db.transaction(async (tx) => {
      await look(tx, 'gone');
      throw new Error('own');
    });
    await Promise.allSettled([
      failing,
      db.transaction((tx) => look(tx, 'kept')),
      db.transaction((tx) => look(tx, 'too')),
    ]);
    expect(seen).toEqual([[], [], ['kept']]);
  });

  it('leaves nothing when the row that it returns is corrupt', async () => {
    const { db, stored, writeByAnother } = await testDatabase();
    await db.jobs.create(job('bad'));
    await writeByAnother("update jobs set kind = 'text'");
    await db.transaction(async (tx) => {
      await failureOf(tx.jobs.complete('bad', { price_msats: 1 }), 'CORRUPT_ROW');
      await failureOf(tx.jobs.completeWithPayment('bad', { price_msats: 1 }), 'CORRUPT_ROW');
    });
    expect(await stored('select status from jobs')).toEqual([{ status: 'pending' }]);
    expect(await stored('select * from earnings')).toEqual([]);
  });

  it('that makes SQLite roll back ends the transaction, also when it is swallowed', async () => {
    const { db, stored, writeByAnother } = await testDatabase();
    await db.jobs.create(job('a'));
    await writeByAnother(
      `create trigger refuse after insert on earnings when new.amount_msats = 13
       begin select raise(rollback, 'refused'); end`,
    );
    const call = db.transaction(async (tx) => {
      await tx.jobs.create(job('b'));
      await rejection(tx.jobs.completeWithPayment('a', { price_msats: 13 }));
      await failureOf(tx.jobs.completeWithPayment('a', { price_msats: 5 }), 'ABORTED');
      await failureOf(tx.agents.recordTick('n', { tick_number: 1 }), 'ABORTED');
    });
    expect((await failureOf(call, 'INVALID_ARGUMENT')).constraint).toBe('trigger');
    expect(await stored('select id, status from jobs')).toEqual([{ id: 'a', status: 'pending' }]);
    expect(await db.earnings.total()).toBe(0);
  });
});

describe('when SQLite rolls the transaction back by itself', () => {
  const abort = (tx: PylonDbTransaction) =>
    tx.kysely
      .insertInto('jobs')
      .orRollback()
      .values({ ...job('a'), status: 'pending', started_at: 1 })
      .execute();

  it('rejects with the original error although the callback swallowed it', async () => {
    const { db, stored } = await testDatabase();
    const swallowed: unknown[] = [];
    const call = db.transaction(async (tx) => {
      await tx.jobs.create(job('a'));
      swallowed.push(await rejection(abort(tx)));
      return 'as if nothing had happened';
    });
    const error = await failureOf(call, 'INVALID_ARGUMENT');
    expect(error.constraint).toBe('primary_key');
    expect(isPylonDbError(swallowed[0], 'INVALID_ARGUMENT')).toBe(true);
    expect(error.cause).toBe((swallowed[0] as Error).cause);
    expect(await stored('select id from jobs order by id')).toEqual([]);
  });

  it('refuses every later call, and stores none of them', async () => {
    const { db, stored } = await testDatabase();
    const call = db.transaction(async (tx) => {
      await tx.jobs.create(job('a'));
      const first = await rejection(abort(tx));
      const later: Promise<unknown>[] = [
        tx.jobs.create(job('b')),
        tx.jobs.get('a'),
        tx.jobs.completeWithPayment('a', { price_msats: 1 }),
        tx.kysely.deleteFrom('jobs').execute(),
        sql`select 1`.execute(tx.kysely),
      ];
      for (const aborted of await Promise.all(later.map((call) => failureOf(call, 'ABORTED')))) {
        expect(aborted.cause).toBe((first as Error).cause);
      }
    });
    await failureOf(call, 'INVALID_ARGUMENT');
    expect(await stored('select id from jobs order by id')).toEqual([]);
    await db.jobs.create(job('next'));
    expect(await stored('select id from jobs order by id')).toEqual([{ id: 'next' }]);
  });

  it("rejects with the callback's own error when it throws one", async () => {
    const { db } = await testDatabase();
    const own = new Error('own');
    const call = db.transaction(async (tx) => {
      await tx.jobs.create(job('a'));
      await rejection(abort(tx));
      throw own;
    });
    expect(await rejection(call)).toBe(own);
  });
});
