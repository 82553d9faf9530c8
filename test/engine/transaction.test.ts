import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { isPylonDbError, PylonDb, type PylonDbTransaction } from '../../src/index.js';
import { ENGINE, itBesideOthers, testDatabase } from '../database.js';
import { signal } from '../signal.js';
import { failureOf, rejection } from './failure.js';
import { agent, job } from './fresh.js';

describe('db.transaction', () => {
  it('stores all of it, and gives what the callback gave', async () => {
    const { db, stored, value } = await testDatabase();
    const given = await db.transaction(async (tx) => {
      await tx.jobs.create(job('a'));
      await tx.agents.upsert(agent('n'));
      await tx.agents.recordTick('n', { tick_number: 1 });
      await tx.kysely.updateTable('jobs').set({ kind: 7 }).execute();
      expect((await tx.jobs.get('a'))?.kind).toBe(7);
      expect(await stored('select id from jobs order by id')).toEqual([]);
      return 'given';
    });
    expect(given).toBe('given');
    expect(await stored('select id, kind from jobs')).toEqual([{ id: 'a', kind: 7 }]);
    expect(await value('select tick_count from agents')).toBe(1);
  });

  it.each([
    ['an error', new Error('own')],
    ['an error of ours', undefined],
    ['text', 'text'],
    ['nothing', null],
  ])('stores nothing when the callback throws %s, and rejects with just that', async (_, own) => {
    const { db, stored } = await testDatabase();
    const call = db.transaction(async (tx) => {
      await tx.jobs.create(job('a'));
      if (own === undefined) await tx.jobs.create(job('a'));
      throw own;
    });
    const thrown = await rejection(call);
    if (own === undefined) expect(isPylonDbError(thrown, 'ALREADY_EXISTS')).toBe(true);
    else expect(thrown).toBe(own);
    expect(await stored('select id from jobs order by id')).toEqual([]);
    await db.jobs.create(job('b'));
    expect(await stored('select id from jobs order by id')).toEqual([{ id: 'b' }]);
  });

  it('has one now', async () => {
    let now = 100;
    const { db } = await testDatabase({ clock: () => now++ });
    const made = await db.transaction(async (tx) => [
      await tx.jobs.create(job('a')),
      await tx.jobs.create(job('b')),
    ]);
    expect(new Set(made.map(({ created_at }) => created_at)).size).toBe(1);
  });

  it("keeps the caller's own AsyncLocalStorage inside the callback and after it", async () => {
    const { db } = await testDatabase();
    const requests = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    await Promise.all(
      ['one', 'two'].map((name) =>
        requests.run(name, async () => {
          await db.transaction(async (tx) => {
            seen.push(requests.getStore());
            await tx.jobs.create(job(name));
            seen.push(requests.getStore());
          });
          seen.push(requests.getStore());
        }),
      ),
    );
    expect(seen.sort()).toEqual(['one', 'one', 'one', 'two', 'two', 'two']);
  });

  it('refuses what is not a callback and what is not an option', async () => {
    const { db } = await testDatabase();
    const untyped: Promise<unknown> = Reflect.apply(db.transaction, db, ['text']);
    expect((await failureOf(untyped, 'INVALID_ARGUMENT')).field).toBe('callback');
    for (const timeoutMs of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      const call = db.transaction(async () => {}, { timeoutMs });
      expect((await failureOf(call, 'INVALID_ARGUMENT')).field).toBe('timeoutMs');
    }
  });
});

describe('a call of several statements inside a transaction', () => {
  it('leaves nothing when its error is caught, and the rest is stored', async () => {
    const { db, stored, value, refuse } = await testDatabase();
    await db.agents.upsert(agent('n'));
    await refuse('before insert on tick_history');
    await db.transaction(async (tx) => {
      await tx.jobs.create(job('kept'));
      await failureOf(tx.agents.recordTick('n', { tick_number: 1 }), 'INVALID_ARGUMENT');
      expect((await tx.agents.get('n'))?.tick_count).toBe(0);
      await tx.jobs.create(job('too'));
    });
    expect(await stored('select id from jobs order by id')).toEqual([
      { id: 'kept' },
      { id: 'too' },
    ]);
    expect(await value('select tick_count from agents')).toBe(0);
  });

  it('leaves nothing when the row that it returns is corrupt', async () => {
    const { db, stored, writeByAnother } = await testDatabase();
    await db.jobs.create(job('bad'));
    await writeByAnother('update jobs set kind = 9007199254740993');
    await db.transaction(async (tx) => {
      await failureOf(tx.jobs.complete('bad', { price_msats: 1 }), 'OUT_OF_RANGE');
      await failureOf(tx.jobs.completeWithPayment('bad', { price_msats: 1 }), 'OUT_OF_RANGE');
    });
    expect(await stored('select status from jobs')).toEqual([{ status: 'pending' }]);
    expect(await stored('select * from earnings')).toEqual([]);
  });

  it('has no limit of depth or number', async () => {
    const { db, value } = await testDatabase();
    await db.agents.upsert(agent('n'));
    await db.transaction(async (tx) => {
      const calls = Array.from({ length: 500 }, (_, i) =>
        tx.agents.recordTick(i % 5 === 0 ? 'nobody' : 'n', { tick_number: i }),
      );
      await Promise.allSettled(calls);
    });
    expect(await value('select tick_count from agents')).toBe(400);
    expect(await value('select count(*) from tick_history')).toBe(400);
  });
});

describe('when COMMIT fails', () => {
  it('rejects, stores nothing, and lets the next one work', async () => {
    const { db, stored, writeByAnother } = await testDatabase();
    await writeByAnother(`create table orders (id integer primary key,
         job text references jobs (id) deferrable initially deferred)`);
    const call = db.transaction(async (tx) => {
      await tx.jobs.create(job('a'));
      await sql`insert into orders values (1, 'nobody')`.execute(tx.kysely);
    });
    expect((await failureOf(call, 'INVALID_ARGUMENT')).constraint).toBe('foreign_key');
    expect(await stored('select id from jobs order by id')).toEqual([]);
    await db.jobs.create(job('b'));
    expect(await stored('select id from jobs order by id')).toEqual([{ id: 'b' }]);
  });
});

describe('timeoutMs', () => {
  itBesideOthers('rolls back, rejects with TIMEOUT, and refuses later calls', async () => {
    const { db, stored } = await testDatabase();
    const late: unknown[] = [];
    const [timeIsOver, end] = [signal(), signal()];
    const call = db.transaction(
      async (tx) => {
        // On a slow machine the time is over before it is stored.
        await tx.jobs.create(job('a')).catch(() => undefined);
        await timeIsOver.given;
        late.push(await rejection(tx.jobs.create(job('b'))));
        late.push(await rejection(tx.jobs.get('a')));
        late.push(await rejection(tx.kysely.selectFrom('jobs').selectAll().execute()));
        end.give();
      },
      { timeoutMs: 50 },
    );
    const error = await failureOf(call, 'TIMEOUT');
    expect(error.timeoutMs).toBe(50);
    // It rejects while the callback still runs, and others write.
    await db.jobs.create(job('meanwhile'));
    timeIsOver.give();
    await end.given;
    expect(late).toHaveLength(3);
    for (const one of late) expect(isPylonDbError(one, 'TRANSACTION_ENDED')).toBe(true);
    expect(await stored('select id from jobs order by id')).toEqual([{ id: 'meanwhile' }]);
  });

  itBesideOthers(
    'counts from the start of the transaction, not from its place in the queue',
    async () => {
      const { url, stored } = await testDatabase();
      // One transaction at a time, on a server too.
      const db = await PylonDb.open(ENGINE === 'sqlite' ? url : `${url}&max=1`);
      onTestFinished(() => db.close());
      const timers = vi.spyOn(globalThis, 'setTimeout');
      onTestFinished(() => timers.mockRestore());
      const isCounting = () => timers.mock.calls.some(([, ms]) => ms === 123_456);
      const [runs, end] = [signal(), signal()];
      const long = db.transaction(async () => {
        runs.give();
        await end.given;
      });
      await runs.given;
      const short = db.transaction(async (tx) => void (await tx.jobs.create(job('a'))), {
        timeoutMs: 123_456,
      });
      // Many turns of the event loop: it is in the queue.
      await sleep(20);
      const isCountingInQueue = isCounting();
      end.give();
      await Promise.all([long, short]);
      expect([isCountingInQueue, isCounting()]).toEqual([false, true]);
      expect(await stored('select id from jobs order by id')).toEqual([{ id: 'a' }]);
    },
  );

  it('changes nothing for a transaction that is quick enough', async () => {
    const { db, stored } = await testDatabase();
    await db.transaction(async (tx) => void (await tx.jobs.create(job('a'))), {
      timeoutMs: 60_000,
    });
    expect(await stored('select id from jobs order by id')).toEqual([{ id: 'a' }]);
  });
});

describe('after its end', () => {
  it.each([
    ['a commit', false],
    ['a rollback', true],
  ])('every call on tx throws TRANSACTION_ENDED, after %s', async (_, throws) => {
    const { db, stored } = await testDatabase();
    let leaked: PylonDbTransaction | undefined;
    const call = db.transaction(async (tx) => {
      leaked = tx;
      if (throws) throw new Error('own');
    });
    await call.catch(() => undefined);
    if (leaked === undefined) throw new Error('The callback did not run');
    const late: Promise<unknown>[] = [
      leaked.jobs.create(job('late')),
      leaked.jobs.get('late'),
      leaked.earnings.total(),
      leaked.agents.upsert(agent('late')),
      leaked.kysely.selectFrom('jobs').selectAll().execute(),
      sql`delete from jobs`.execute(leaked.kysely),
    ];
    // All at once: one that is awaited later rejects meanwhile, which ends a test run.
    await Promise.all(late.map((call) => failureOf(call, 'TRANSACTION_ENDED')));
    expect(await stored('select id from jobs order by id')).toEqual([]);
  });
});

describe('a payment inside a transaction', () => {
  it('that fails late leaves its job pending, and the payments around it are stored', async () => {
    const { db, stored, value, refuse } = await testDatabase();
    await Promise.all(['a', 'b', 'c'].map((id) => db.jobs.create(job(id))));
    await refuse('after insert on earnings', 'new.amount_msats = 13');
    await db.transaction(async (tx) => {
      await tx.jobs.completeWithPayment('a', { price_msats: 5 });
      const error = await failureOf(
        tx.jobs.completeWithPayment('b', { price_msats: 13 }),
        'INVALID_ARGUMENT',
      );
      expect(error.constraint).toBe('trigger');
      expect((await tx.jobs.get('b'))?.status).toBe('pending');
      await tx.jobs.completeWithPayment('c', { price_msats: 7 });
    });
    const statuses = await stored('select id, status from jobs order by id');
    expect(statuses).toEqual([
      { id: 'a', status: 'completed' },
      { id: 'b', status: 'pending' },
      { id: 'c', status: 'completed' },
    ]);
    expect(await value('select sum(amount_msats) from earnings')).toBe(12);
    expect(await db.earnings.total()).toBe(12);
  });
});

describe('a callback', () => {
  it('may throw before it gives a promise', async () => {
    const { db, stored } = await testDatabase();
    const own = new Error('own');
    const call = db.transaction((): Promise<void> => {
      throw own;
    });
    expect(await rejection(call)).toBe(own);
    await db.jobs.create(job('next'));
    expect(await stored('select id from jobs order by id')).toEqual([{ id: 'next' }]);
  });

  it('may leave calls unawaited: they were made inside it', async () => {
    const { db, stored } = await testDatabase();
    const left: Promise<unknown>[] = [];
    await db.transaction(async (tx) => {
      left.push(tx.jobs.create(job('a')), tx.jobs.create(job('b')));
    });
    await Promise.all(left);
    expect(await stored('select id from jobs order by id')).toEqual([{ id: 'a' }, { id: 'b' }]);
  });

  it('may fail after its time was over: that error goes nowhere', async () => {
    const { db, stored } = await testDatabase();
    const timeIsOver = signal();
    const call = db.transaction(
      async (tx) => {
        await tx.jobs.create(job('a')).catch(() => undefined);
        await timeIsOver.given;
        throw new Error('too late');
      },
      { timeoutMs: 20 },
    );
    await failureOf(call, 'TIMEOUT');
    timeIsOver.give();
    // Until an unhandled rejection would be known, which would fail the run.
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(await stored('select id from jobs order by id')).toEqual([]);
  });
});

describe('a call made before db.close', () => {
  it('ends as it would have ended without it', async () => {
    const { db } = await testDatabase();
    await db.jobs.create(job('done'));
    await db.jobs.complete('done', { price_msats: 5 });
    const [repeat, tick] = await Promise.all([
      db.jobs.complete('done', { price_msats: 5 }).catch((error: unknown) => error),
      rejection(db.agents.recordTick('nobody', { tick_number: 1 })),
      db.close(),
    ]);
    expect(repeat).toMatchObject({ id: 'done', status: 'completed' });
    expect(isPylonDbError(tick, 'NOT_FOUND')).toBe(true);
  });
});
