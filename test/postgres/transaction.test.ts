import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { failureOf, rejection } from '../engine/failure.js';
import { agent, job } from '../engine/fresh.js';
import { signal } from '../signal.js';
import { describeOnServer, opened } from './own-server.js';

describeOnServer('a transaction on a server', (own) => {
  it.each([new Error('mine'), new TypeError('mine'), { code: '40001', severity: 'ERROR' }, 'text'])(
    'rejects with what its callback threw, untouched: %s',
    async (mine) => {
      const { db } = await own.open();
      let runs = 0;
      const call = db.transaction(async (tx) => {
        runs += 1;
        await tx.agents.upsert(agent('a'));
        throw mine;
      });
      expect(await rejection(call)).toBe(mine);
      expect(runs).toBe(1);
      expect(await db.agents.get('a')).toBeUndefined();
    },
  );

  it('rejects with what its callback threw, when the connection is lost as well', async () => {
    const { db, outside } = await own.open();
    const mine = new Error('mine');
    const call = db.transaction(async (tx) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(
        tx.kysely,
      );
      await outside.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
      await failureOf(tx.agents.upsert(agent('a')), 'CONNECTION_LOST');
      throw mine;
    });
    expect(await rejection(call)).toBe(mine);
    expect(await db.agents.listAll()).toEqual([]);
  });

  it('is not acknowledged when a read that failed made the server undo it', async () => {
    const { db, outside } = await own.open({ busyTimeoutMs: 50 });
    await db.agents.upsert({ ...agent('a'), balance_sats: 7 });
    await db.jobs.create(job('j'));
    await outside.query('begin; lock table jobs in access exclusive mode');
    const call = db.transaction(async (tx) => {
      await tx.agents.updateBalance('a', 55);
      await failureOf(tx.jobs.get('j'), 'BUSY');
      return 'done';
    });
    await failureOf(call, 'BUSY');
    await outside.query('rollback');
    expect((await db.agents.get('a'))?.balance_sats).toBe(7);
  });

  it.each([
    ['removes a new row', 'after insert on earnings', 'delete from earnings where id = new.id'],
    ['brings back a deleted one', 'after delete on agents', 'insert into agents select old.*'],
  ])('is undone when a deferred trigger of another program %s', async (_, event, effect) => {
    const { url, outside, db: before } = await own.open();
    for (const npub of ['a', 'b']) await before.agents.upsert(agent(npub));
    await outside.query(`
      create function act() returns trigger language plpgsql as $$
        begin ${effect}; return null; end $$;
      create constraint trigger actor ${event} deferrable initially deferred
        for each row execute function act()`);
    const db = await opened(url);
    const call = db.transaction(async (tx) => {
      await tx.jobs.create(job('j'));
      await tx.earnings.record({ id: 'x', amount_msats: 1, source: 'tip' });
      await tx.agents.delete('a');
    });
    const failure = await failureOf(call, 'SCHEMA_MISMATCH');
    expect(failure.operation).toBe('db.transaction');
    expect(failure.message).toMatch(/trigger on (earnings|agents)/);
    expect(await db.jobs.list()).toEqual([]);
    expect(await db.agents.listAll()).toHaveLength(2);
  });

  it('may remove what it wrote, and be undone later, under triggers that are deferred', async () => {
    const { url, outside } = await own.open();
    await outside.query(`
      create function note() returns trigger language plpgsql as $$ begin return null; end $$;
      create constraint trigger noter after insert or delete or update on agents
        deferrable initially deferred for each row execute function note()`);
    const db = await opened(url);
    await db.transaction(async (tx) => {
      await tx.agents.upsert(agent('a'));
      await tx.agents.delete('a');
      await tx.agents.upsert(agent('b'));
      await tx.agents.delete('b');
      await tx.agents.upsert({ ...agent('b'), name: 'again' });
    });
    expect((await db.agents.listAll()).map(({ name }) => name)).toEqual(['again']);
  });

  it('goes on after an error that its callback caught, with nothing of that call', async () => {
    const { db } = await own.open();
    await db.jobs.create(job('known'));
    await db.jobs.create({ ...job('done'), status: 'cancelled' });
    await db.transaction(async (tx) => {
      await tx.agents.upsert(agent('before'));
      await failureOf(tx.jobs.create(job('known')), 'ALREADY_EXISTS');
      // The earning is stored before it shows that the job can't be completed.
      const payment = { price_msats: 5, payment_hash: 'h' };
      await failureOf(tx.jobs.completeWithPayment('done', payment), 'ILLEGAL_TRANSITION');
      await failureOf(sql`select nonsense`.execute(tx.kysely), 'INVALID_ARGUMENT');
      await tx.agents.upsert(agent('after'));
    });
    expect((await db.agents.listAll()).map(({ npub }) => npub).sort()).toEqual(['after', 'before']);
    expect(await db.earnings.recent()).toEqual([]);
  });

  it('refuses calls after a read that failed made the server undo it', async () => {
    const { db, outside } = await own.open({ busyTimeoutMs: 50 });
    await db.jobs.create(job('j'));
    await outside.query('begin; lock table jobs in access exclusive mode');
    const call = db.transaction(async (tx) => {
      await failureOf(tx.jobs.get('j'), 'BUSY');
      await failureOf(tx.agents.upsert(agent('a')), 'ABORTED');
    });
    await failureOf(call, 'BUSY');
    await outside.query('rollback');
    expect(await db.agents.listAll()).toEqual([]);
  });

  it('is not ended by SQL of several statements', async () => {
    const { db } = await own.open();
    await db.agents.upsert({ ...agent('a'), balance_sats: 7 });
    const call = db.transaction(async (tx) => {
      await tx.agents.updateBalance('a', 55);
      await sql`select 1; commit`.execute(tx.kysely);
    });
    await failureOf(call, 'INVALID_ARGUMENT');
    await failureOf(sql`select 1; begin`.execute(db.kysely), 'INVALID_ARGUMENT');
    expect((await db.agents.get('a'))?.balance_sats).toBe(7);
  });

  it('goes on after another session altered what it had prepared', async () => {
    const { db, outside } = await own.open();
    await db.agents.upsert({ ...agent('a'), balance_sats: 7 });
    await db.transaction(async (tx) => await tx.agents.get('a'));
    await outside.query('alter table agents alter column balance_sats type numeric');
    await outside.query('alter table agents alter column balance_sats type integer');
    let runs = 0;
    await db.transaction(async (tx) => {
      runs += 1;
      await tx.agents.adjustBalance('a', 1);
      await tx.agents.get('a');
    });
    expect((await db.agents.get('a'))?.balance_sats).toBe(8);
    expect(runs).toBeLessThanOrEqual(3);
  });

  it('rolls back after timeoutMs, and later calls on it throw TRANSACTION_ENDED', async () => {
    const { db } = await own.open();
    const timeIsOver = signal();
    const late: unknown[] = [];
    const ended = signal();
    const call = db.transaction(
      async (tx) => {
        await tx.agents.upsert(agent('a')).catch(() => undefined);
        await timeIsOver.given;
        late.push(await rejection(tx.agents.upsert(agent('b'))));
        ended.give();
      },
      { timeoutMs: 30 },
    );
    expect(await failureOf(call, 'TIMEOUT')).toMatchObject({ timeoutMs: 30 });
    timeIsOver.give();
    await ended.given;
    expect(late).toMatchObject([{ code: 'TRANSACTION_ENDED' }]);
    expect(await db.agents.listAll()).toEqual([]);
  });

  it('rolls back after timeoutMs while a statement waits for a lock', async () => {
    const { db, outside } = await own.open({ busyTimeoutMs: 60_000 });
    await db.agents.upsert({ ...agent('a'), balance_sats: 7 });
    await db.agents.upsert(agent('b'));
    await outside.query("begin; update agents set name = 'held' where npub = 'a'");
    const later: unknown[] = [];
    const ended = signal();
    const call = db.transaction(
      async (tx) => {
        await tx.agents.updateBalance('b', 1);
        const waiting = rejection(tx.agents.updateBalance('a', 8));
        const behind = rejection(tx.agents.updateBalance('b', 2));
        later.push(await waiting, await behind);
        ended.give();
      },
      // Far more than its first statement takes on a busy machine.
      { timeoutMs: 2000 },
    );
    await failureOf(call, 'TIMEOUT');
    await outside.query('rollback');
    await ended.given;
    expect(later).toMatchObject([{ code: 'ABORTED' }, { code: 'TRANSACTION_ENDED' }]);
    const balances = (await db.agents.listAll()).map(({ npub, balance_sats }) => [
      npub,
      balance_sats,
    ]);
    expect(Object.fromEntries(balances)).toEqual({ a: 7, b: 0 });
  });

  it('rolls back after timeoutMs when the only connection waits for a lock', async () => {
    const { url, outside } = await own.open();
    const db = await opened(`${url}&max=1`, { busyTimeoutMs: 60_000 });
    await db.agents.upsert({ ...agent('a'), balance_sats: 7 });
    await outside.query("begin; update agents set name = 'held' where npub = 'a'");
    const call = db.transaction(async (tx) => await tx.agents.updateBalance('a', 8), {
      timeoutMs: 100,
    });
    await failureOf(call, 'TIMEOUT');
    await outside.query('rollback');
    expect((await db.agents.get('a'))?.balance_sats).toBe(7);
  });

  it('throws BUSY and stores nothing when its conflicts outlast busyTimeoutMs', async () => {
    const { db, outside } = await own.open({ busyTimeoutMs: 200 });
    await db.agents.upsert({ ...agent('a'), balance_sats: 7 });
    let runs = 0;
    const call = db.transaction(async (tx) => {
      runs += 1;
      await tx.agents.get('a');
      await outside.query("update agents set balance_sats = balance_sats + 1 where npub = 'a'");
      await tx.agents.updateBalance('a', 0);
    });
    const { waitedMs } = await failureOf(call, 'BUSY');
    expect(waitedMs).toBeGreaterThanOrEqual(200);
    expect((await db.agents.get('a'))?.balance_sats).toBe(7 + runs);
  });

  it('is run again after a conflict that its callback caught', async () => {
    const { db, outside } = await own.open();
    await db.agents.upsert({ ...agent('a'), balance_sats: 7 });
    let runs = 0;
    await db.transaction(async (tx) => {
      runs += 1;
      await tx.agents.get('a');
      if (runs === 1) await outside.query("update agents set balance_sats = 20 where npub = 'a'");
      await tx.agents.adjustBalance('a', 1).catch(() => undefined);
    });
    expect({ runs, balance: (await db.agents.get('a'))?.balance_sats }).toEqual({
      runs: 2,
      balance: 21,
    });
  });

  it('waits in a circle with another one, and both end', async () => {
    const { db } = await own.open({ busyTimeoutMs: 600_000 });
    for (const npub of ['a', 'b']) await db.agents.upsert(agent(npub));
    let met = 0;
    const meeting = async () => {
      met += 1;
      while (met < 2) await sleep(1);
    };
    const cross = (first: string, second: string) =>
      db.transaction(async (tx) => {
        await tx.agents.adjustBalance(first, 1);
        await meeting();
        await tx.agents.adjustBalance(second, 1);
      });
    await Promise.all([cross('a', 'b'), cross('b', 'a')]);
    expect(met).toBeGreaterThan(2);
    expect((await db.agents.listAll()).map(({ balance_sats }) => balance_sats)).toEqual([2, 2]);
  });
});
