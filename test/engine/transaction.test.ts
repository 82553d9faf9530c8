import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { isPylonDbError, type PylonDbTransaction } from '../../src/index.js';
import { failureOf, rejection } from './failure.js';
import { agent, job, openFresh } from './fresh.js';
import { readOutside, valueOutside, writeOutside } from './outside.js';

const jobIds = (path: string) => readOutside(path, 'select id from jobs order by id');

describe('db.transaction', () => {
  it('stores all of it, and gives what the callback gave', async () => {
    const db = await openFresh();
    const given = await db.transaction(async (tx) => {
      await tx.jobs.create(job('a'));
      await tx.agents.upsert(agent('n'));
      await tx.agents.recordTick('n', { tick_number: 1 });
      await tx.kysely.updateTable('jobs').set({ kind: 7 }).execute();
      expect((await tx.jobs.get('a'))?.kind).toBe(7);
      expect(jobIds(db.path)).toEqual([]);
      return 'given';
    });
    expect(given).toBe('given');
    expect(readOutside(db.path, 'select id, kind from jobs')).toEqual([{ id: 'a', kind: 7 }]);
    expect(valueOutside(db.path, 'select tick_count from agents')).toBe(1);
  });

  it.each([
    ['an error', new Error('own')],
    ['an error of ours', undefined],
    ['text', 'text'],
    ['nothing', null],
  ])('stores nothing when the callback throws %s, and rejects with just that', async (_, own) => {
    const db = await openFresh();
    const call = db.transaction(async (tx) => {
      await tx.jobs.create(job('a'));
      if (own === undefined) await tx.jobs.create(job('a'));
      throw own;
    });
    const thrown = await rejection(call);
    if (own === undefined) expect(isPylonDbError(thrown, 'ALREADY_EXISTS')).toBe(true);
    else expect(thrown).toBe(own);
    expect(jobIds(db.path)).toEqual([]);
    await db.jobs.create(job('b'));
    expect(jobIds(db.path)).toEqual([{ id: 'b' }]);
  });

  it('takes its place among the writes around it', async () => {
    const db = await openFresh();
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
    const order = readOutside(db.path, 'select id from jobs order by rowid');
    expect(order).toEqual([{ id: 'before' }, { id: 'inside' }, { id: 'after' }]);
  });

  it('runs one at a time, in the order of the calls', async () => {
    const db = await openFresh();
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

  it('has one now', async () => {
    let now = 100;
    const db = await openFresh({ clock: () => now++ });
    const made = await db.transaction(async (tx) => [
      await tx.jobs.create(job('a')),
      await tx.jobs.create(job('b')),
    ]);
    expect(new Set(made.map(({ created_at }) => created_at)).size).toBe(1);
  });

  it("keeps the caller's own AsyncLocalStorage inside the callback and after it", async () => {
    const db = await openFresh();
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

  it('refuses what is no callback and what is no option', async () => {
    const db = await openFresh();
    const untyped: Promise<unknown> = Reflect.apply(db.transaction, db, ['text']);
    expect((await failureOf(untyped, 'INVALID_ARGUMENT')).field).toBe('callback');
    for (const timeoutMs of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      const call = db.transaction(async () => {}, { timeoutMs });
      expect((await failureOf(call, 'INVALID_ARGUMENT')).field).toBe('timeoutMs');
    }
  });
});

describe('a call of several statements inside a transaction', () => {
  const refuseTicks = `create trigger refuse before insert on tick_history
    begin select raise(abort, 'refused'); end`;

  it('leaves nothing when its error is caught, and the rest is stored', async () => {
    const db = await openFresh();
    await db.agents.upsert(agent('n'));
    writeOutside(db.path, refuseTicks);
    await db.transaction(async (tx) => {
      await tx.jobs.create(job('kept'));
      await failureOf(tx.agents.recordTick('n', { tick_number: 1 }), 'INVALID_ARGUMENT');
      expect((await tx.agents.get('n'))?.tick_count).toBe(0);
      await tx.jobs.create(job('too'));
    });
    expect(jobIds(db.path)).toEqual([{ id: 'kept' }, { id: 'too' }]);
    expect(valueOutside(db.path, 'select tick_count from agents')).toBe(0);
  });

  it('leaves nothing when the row that it returns is corrupt', async () => {
    const db = await openFresh();
    await db.jobs.create(job('bad'));
    writeOutside(db.path, "update jobs set kind = 'text'");
    await db.transaction(async (tx) => {
      await failureOf(tx.jobs.complete('bad', { price_msats: 1 }), 'CORRUPT_ROW');
      await failureOf(tx.jobs.completeWithPayment('bad', { price_msats: 1 }), 'CORRUPT_ROW');
    });
    expect(readOutside(db.path, 'select status from jobs')).toEqual([{ status: 'pending' }]);
    expect(readOutside(db.path, 'select * from earnings')).toEqual([]);
  });

  it('has no limit of depth or number', async () => {
    const db = await openFresh();
    await db.agents.upsert(agent('n'));
    await db.transaction(async (tx) => {
      const calls = Array.from({ length: 500 }, (_, i) =>
        tx.agents.recordTick(i % 5 === 0 ? 'nobody' : 'n', { tick_number: i }),
      );
      await Promise.allSettled(calls);
    });
    expect(valueOutside(db.path, 'select tick_count from agents')).toBe(400);
    expect(valueOutside(db.path, 'select count(*) from tick_history')).toBe(400);
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
    const db = await openFresh();
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
    expect(jobIds(db.path)).toEqual([]);
  });

  it('refuses every later call, and stores none of them', async () => {
    const db = await openFresh();
    const call = db.transaction(async (tx) => {
      await tx.jobs.create(job('a'));
      const first = await rejection(abort(tx));
      for (const later of [
        tx.jobs.create(job('b')),
        tx.jobs.get('a'),
        tx.jobs.completeWithPayment('a', { price_msats: 1 }),
        tx.kysely.deleteFrom('jobs').execute(),
        sql`select 1`.execute(tx.kysely),
      ]) {
        const aborted = await failureOf(later, 'ABORTED');
        expect(aborted.cause).toBe((first as Error).cause);
      }
    });
    await failureOf(call, 'INVALID_ARGUMENT');
    expect(jobIds(db.path)).toEqual([]);
    await db.jobs.create(job('next'));
    expect(jobIds(db.path)).toEqual([{ id: 'next' }]);
  });

  it("rejects with the callback's own error when it throws one", async () => {
    const db = await openFresh();
    const own = new Error('own');
    const call = db.transaction(async (tx) => {
      await tx.jobs.create(job('a'));
      await rejection(abort(tx));
      throw own;
    });
    expect(await rejection(call)).toBe(own);
  });
});

describe('when COMMIT fails', () => {
  it('rejects, stores nothing, and lets the next one work', async () => {
    const db = await openFresh();
    writeOutside(
      db.path,
      `create table orders (id integer primary key,
         job text references jobs (id) deferrable initially deferred)`,
    );
    const call = db.transaction(async (tx) => {
      await tx.jobs.create(job('a'));
      await sql`insert into orders values (1, 'nobody')`.execute(tx.kysely);
    });
    expect((await failureOf(call, 'INVALID_ARGUMENT')).constraint).toBe('foreign_key');
    expect(jobIds(db.path)).toEqual([]);
    await db.jobs.create(job('b'));
    expect(jobIds(db.path)).toEqual([{ id: 'b' }]);
  });
});

describe('timeoutMs', () => {
  it('rolls back, rejects with TIMEOUT, and refuses later calls', async () => {
    const db = await openFresh();
    const late: unknown[] = [];
    let ended: (() => void) | undefined;
    const end = new Promise<void>((resolve) => {
      ended = resolve;
    });
    const start = performance.now();
    const call = db.transaction(
      async (tx) => {
        await tx.jobs.create(job('a'));
        await sleep(400);
        late.push(await rejection(tx.jobs.create(job('b'))));
        late.push(await rejection(tx.jobs.get('a')));
        late.push(await rejection(tx.kysely.selectFrom('jobs').selectAll().execute()));
        ended?.();
      },
      { timeoutMs: 50 },
    );
    const error = await failureOf(call, 'TIMEOUT');
    expect(error.timeoutMs).toBe(50);
    expect(performance.now() - start).toBeLessThan(350);
    await db.jobs.create(job('meanwhile'));
    await end;
    expect(late).toHaveLength(3);
    for (const one of late) expect(isPylonDbError(one, 'TRANSACTION_ENDED')).toBe(true);
    expect(jobIds(db.path)).toEqual([{ id: 'meanwhile' }]);
  });

  it('counts from the start of the transaction, not from its place in the queue', async () => {
    const db = await openFresh();
    const long = db.transaction(async () => void (await sleep(120)));
    const short = db.transaction(async (tx) => void (await tx.jobs.create(job('a'))), {
      timeoutMs: 60,
    });
    await Promise.all([long, short]);
    expect(jobIds(db.path)).toEqual([{ id: 'a' }]);
  });

  it('changes nothing for a transaction that is quick enough', async () => {
    const db = await openFresh();
    await db.transaction(async (tx) => void (await tx.jobs.create(job('a'))), { timeoutMs: 5000 });
    expect(jobIds(db.path)).toEqual([{ id: 'a' }]);
  });
});

describe('after its end', () => {
  it.each([
    ['a commit', false],
    ['a rollback', true],
  ])('every call on tx throws TRANSACTION_ENDED, after %s', async (_, throws) => {
    const db = await openFresh();
    let leaked: PylonDbTransaction | undefined;
    const call = db.transaction(async (tx) => {
      leaked = tx;
      if (throws) throw new Error('own');
    });
    await call.catch(() => undefined);
    if (leaked === undefined) throw new Error('The callback did not run');
    for (const late of [
      leaked.jobs.create(job('late')),
      leaked.jobs.get('late'),
      leaked.earnings.total(),
      leaked.agents.upsert(agent('late')),
      leaked.kysely.selectFrom('jobs').selectAll().execute(),
      sql`delete from jobs`.execute(leaked.kysely),
    ]) {
      await failureOf(late, 'TRANSACTION_ENDED');
    }
    expect(jobIds(db.path)).toEqual([]);
  });
});

describe('a payment inside a transaction', () => {
  const refuseEarnings = (how: 'abort' | 'rollback') => `
    create trigger refuse after insert on earnings when new.amount_msats = 13
    begin select raise(${how}, 'refused'); end`;

  it('that fails late leaves its job pending, and the payments around it are stored', async () => {
    const db = await openFresh();
    await Promise.all(['a', 'b', 'c'].map((id) => db.jobs.create(job(id))));
    writeOutside(db.path, refuseEarnings('abort'));
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
    const statuses = readOutside(db.path, 'select id, status from jobs order by id');
    expect(statuses).toEqual([
      { id: 'a', status: 'completed' },
      { id: 'b', status: 'pending' },
      { id: 'c', status: 'completed' },
    ]);
    expect(valueOutside(db.path, 'select sum(amount_msats) from earnings')).toBe(12);
    expect(await db.earnings.total()).toBe(12);
  });

  it('that makes SQLite roll back ends the transaction, also when it is swallowed', async () => {
    const db = await openFresh();
    await db.jobs.create(job('a'));
    writeOutside(db.path, refuseEarnings('rollback'));
    const call = db.transaction(async (tx) => {
      await tx.jobs.create(job('b'));
      await rejection(tx.jobs.completeWithPayment('a', { price_msats: 13 }));
      await failureOf(tx.jobs.completeWithPayment('a', { price_msats: 5 }), 'ABORTED');
      await failureOf(tx.agents.recordTick('n', { tick_number: 1 }), 'ABORTED');
    });
    expect((await failureOf(call, 'INVALID_ARGUMENT')).constraint).toBe('trigger');
    expect(readOutside(db.path, 'select id, status from jobs')).toEqual([
      { id: 'a', status: 'pending' },
    ]);
    expect(await db.earnings.total()).toBe(0);
  });
});

describe('a callback', () => {
  it('may throw before it gives a promise', async () => {
    const db = await openFresh();
    const own = new Error('own');
    const call = db.transaction((): Promise<void> => {
      throw own;
    });
    expect(await rejection(call)).toBe(own);
    await db.jobs.create(job('next'));
    expect(jobIds(db.path)).toEqual([{ id: 'next' }]);
  });

  it('may leave calls unawaited: they were made inside it', async () => {
    const db = await openFresh();
    const left: Promise<unknown>[] = [];
    await db.transaction(async (tx) => {
      left.push(tx.jobs.create(job('a')), tx.jobs.create(job('b')));
    });
    await Promise.all(left);
    expect(jobIds(db.path)).toEqual([{ id: 'a' }, { id: 'b' }]);
  });

  it('may fail after its time was over: that error goes nowhere', async () => {
    const db = await openFresh();
    const call = db.transaction(
      async (tx) => {
        await tx.jobs.create(job('a'));
        await sleep(60);
        throw new Error('too late');
      },
      { timeoutMs: 20 },
    );
    await failureOf(call, 'TIMEOUT');
    // Long enough for an unhandled rejection, which would fail the run.
    await sleep(80);
    expect(jobIds(db.path)).toEqual([]);
  });

  it('sees what the transaction before it stored, and nothing of one that rolled back', async () => {
    const db = await openFresh();
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
});

describe('a call made before db.close', () => {
  it('ends as it would have ended without it', async () => {
    const db = await openFresh();
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
