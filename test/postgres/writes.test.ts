import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { PylonDb, type QueryEvent } from '../../src/index.js';
import { failureOf } from '../engine/failure.js';
import { agent, job } from '../engine/fresh.js';
import { signal } from '../signal.js';
import { describeOnServer, opened, socketsOfThisProcess } from './own-server.js';

/** How each of several calls ended: a code, or `stored`. */
async function endings(calls: readonly Promise<unknown>[]): Promise<string[]> {
  const settled = await Promise.allSettled(calls);
  return settled.map((one) =>
    one.status === 'fulfilled' ? 'stored' : String(Reflect.get(Object(one.reason), 'code')),
  );
}

/** The commits that stored something, for a check that calls did share one. */
async function commits(db: PylonDb): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(distinct xmin::text)::int as count from tick_history`.execute(db.kysely);
  return rows[0]?.count ?? 0;
}

describeOnServer('writes to a server', (own) => {
  it('notice what a deferred trigger of another program removes', async () => {
    const { url, outside } = await own.open();
    await outside.query(`
      create function remove() returns trigger language plpgsql as $$
        begin delete from earnings where id = new.id; return null; end $$;
      create constraint trigger remover after insert on earnings deferrable initially deferred
        for each row execute function remove()`);
    const db = await opened(url);
    await db.jobs.create(job('a'));
    const tip = (id: string) => db.earnings.record({ id, amount_msats: 1, source: 'tip' });
    const calls = [db.jobs.create(job('b')), tip('x'), db.jobs.create(job('c'))];
    expect(await endings(calls)).toEqual(['stored', 'SCHEMA_MISMATCH', 'stored']);
    expect(await endings([tip('y')])).toEqual(['SCHEMA_MISMATCH']);
    expect((await db.jobs.list()).map(({ id }) => id).sort()).toEqual(['a', 'b', 'c']);
  });

  describe('a call that fails in a batch fails alone', () => {
    it.each([
      [
        'an unknown agent',
        (db: PylonDb) => db.agents.recordTick('none', { tick_number: 1 }),
        'NOT_FOUND',
      ],
      ['a known id', (db: PylonDb) => db.jobs.create(job('known')), 'ALREADY_EXISTS'],
      ['an unknown job', (db: PylonDb) => db.earnings.recordForJob('none', 5), 'NOT_FOUND'],
      [
        'a deferred constraint',
        (db: PylonDb) => db.jobs.create({ ...job('j'), customer_pubkey: 'unknown' }),
        'INVALID_ARGUMENT',
      ],
    ] as const)('for %s', async (_, fail, code) => {
      const { db, outside } = await own.open();
      await db.agents.upsert(agent('a'));
      await outside.query(`create table customers (pubkey text primary key);
        insert into customers values ('customer');
        alter table jobs add foreign key (customer_pubkey) references customers initially deferred`);
      await db.jobs.create(job('known'));
      const tick = (tick_number: number) => db.agents.recordTick('a', { tick_number });
      // Calls of one turn share a batch.
      const calls = [tick(0), tick(1), db.jobs.create(job('b')), fail(db), tick(2), tick(3)];
      expect(await endings(calls)).toEqual([
        'stored',
        'stored',
        'stored',
        code,
        'stored',
        'stored',
      ]);
      expect(await db.agents.tickHistory('a')).toHaveLength(4);
      expect((await db.agents.get('a'))?.tick_count).toBe(4);
      expect(await db.jobs.get('b')).toBeDefined();
      expect(await db.jobs.get('j')).toBeUndefined();
      expect(await commits(db)).toBeLessThan(4);
    });

    it('for several at once', async () => {
      const { db } = await own.open();
      await db.agents.upsert(agent('a'));
      const calls = Array.from({ length: 60 }, (_, n) =>
        db.agents.recordTick(n % 3 === 1 ? 'none' : 'a', { tick_number: n }),
      );
      const expected = calls.map((_, n) => (n % 3 === 1 ? 'NOT_FOUND' : 'stored'));
      expect(await endings(calls)).toEqual(expected);
      expect((await db.agents.get('a'))?.tick_count).toBe(40);
      expect(await db.agents.tickHistory('a', { limit: 100 })).toHaveLength(40);
    });
  });

  it('keep the order of the calls of one agent and of one job', async () => {
    const { db } = await own.open();
    const calls: Promise<unknown>[] = [];
    for (const npub of ['c', 'a', 'b']) {
      calls.push(db.agents.upsert(agent(npub)));
      for (let n = 1; n <= 20; n++) calls.push(db.agents.updateBalance(npub, n));
      calls.push(db.agents.recordTick(npub, { tick_number: 1 }));
    }
    for (const id of ['z', 'y', 'x']) {
      calls.push(db.jobs.create({ ...job(id), status: 'processing' }));
      calls.push(db.jobs.fail(id, 'first'), db.jobs.updateStatus(id, 'pending'));
      calls.push(db.jobs.completeWithPayment(id, { price_msats: 1, payment_hash: `h${id}` }));
    }
    await Promise.all(calls);
    const agents = await db.agents.listAll();
    expect(agents.map(({ balance_sats }) => balance_sats)).toEqual([20, 20, 20]);
    expect((await db.jobs.listByStatus('completed')).map(({ id }) => id).sort()).toEqual([
      ...['x', 'y', 'z'],
    ]);
  });

  it('throw BUSY and store nothing when a lock is held for longer than busyTimeoutMs', async () => {
    const { db, outside } = await own.open({ busyTimeoutMs: 100 });
    await db.agents.upsert(agent('a'));
    await outside.query("begin; update agents set name = 'held'");
    const { waitedMs } = await failureOf(db.agents.recordTick('a', { tick_number: 1 }), 'BUSY');
    expect(waitedMs).toBeGreaterThanOrEqual(100);
    await failureOf(db.kysely.updateTable('agents').set({ name: 'mine' }).execute(), 'BUSY');
    await outside.query('rollback');
    expect(await db.agents.get('a')).toMatchObject({ tick_count: 0, name: 'An agent' });
  });

  it('wait for no lock at all with busyTimeoutMs: 0', async () => {
    const { db, outside } = await own.open({ busyTimeoutMs: 0 });
    await db.agents.upsert(agent('a'));
    await outside.query("begin; update agents set name = 'held'");
    // The lock is held until this rejects.
    await failureOf(db.agents.recordTick('a', { tick_number: 1 }), 'BUSY');
    await outside.query('rollback');
  });

  it('of others are stored while one waits for a payment that somebody else records', async () => {
    const { url, db } = await own.open({ busyTimeoutMs: 200 });
    const other = await opened(url);
    await db.agents.upsert(agent('a'));
    const [recorded, done] = [signal(), signal()];
    const transaction = other.transaction(async (tx) => {
      await tx.earnings.record({ id: 'theirs', amount_msats: 1, source: 'tip', payment_hash: 'h' });
      recorded.give();
      await done.given;
    });
    await recorded.given;
    const calls = [
      db.agents.recordTick('a', { tick_number: 0 }),
      db.agents.recordTick('a', { tick_number: 1 }),
      db.earnings.record({ id: 'ours', amount_msats: 1, source: 'tip', payment_hash: 'h' }),
      db.agents.recordTick('a', { tick_number: 2 }),
    ];
    const ended = await endings(calls);
    done.give();
    await transaction;
    expect(ended).toEqual(['stored', 'stored', 'BUSY', 'stored']);
    expect((await db.agents.get('a'))?.tick_count).toBe(3);
  });

  it('settle while the database closes, and throw CLOSED after it', async () => {
    const { url, db } = await own.open();
    await db.agents.upsert(agent('a'));
    const calls: Promise<unknown>[] = [];
    for (let n = 0; n < 300; n++) calls.push(db.agents.recordTick('a', { tick_number: n }));
    calls.push(db.agents.adjustBalance('a', -1).catch(() => 'refused'));
    calls.push(db.transaction(async (tx) => await tx.agents.updateState('a', 'dormant')));
    calls.push(db.agents.listAll());
    const closing = db.close();
    await failureOf(db.agents.recordTick('a', { tick_number: 301 }), 'CLOSED');
    await Promise.all(calls);
    await closing;
    await failureOf(db.agents.listAll(), 'CLOSED');
    await failureOf(
      db.transaction(async () => {}),
      'CLOSED',
    );
    await db.close();
    const again = await opened(url);
    expect(await again.agents.get('a')).toMatchObject({
      tick_count: 300,
      lifecycle_state: 'dormant',
    });
  });

  it('leave no connection open once the database has closed', async () => {
    const url = await own.freshSchema();
    const before = socketsOfThisProcess();
    const db = await PylonDb.open(url);
    await Promise.all(
      ['a', 'b'].map((npub) => db.transaction((tx) => tx.agents.upsert(agent(npub)))),
    );
    expect(socketsOfThisProcess()).toBeGreaterThan(before);
    await db.close();
    expect(socketsOfThisProcess()).toBe(before);
  });

  it('delete an agent whole while another process ticks it', async () => {
    const { db, outside } = await own.open();
    await db.agents.upsert(agent('a'));
    await db.agents.recordTick('a', { tick_number: 1 });
    // Another process's tick, counted and not committed yet.
    await outside.query(`begin;
      update agents set tick_count = tick_count + 1 where npub = 'a';
      insert into tick_history (agent_npub, tick_number) values ('a', 2)`);
    const deleted = db.agents.delete('a');
    await sleep(50);
    await outside.query('commit');
    expect(await deleted).toBe(true);
    expect(await db.agents.tickHistory('a')).toEqual([]);
  });

  it('are stored while a trigger refuses one of the batch as something that it does not support', async () => {
    const events: QueryEvent[] = [];
    const { db, outside } = await own.open({ onQuery: (event) => events.push(event) });
    await outside.query(`create function refuse() returns trigger language plpgsql as $$ begin
        raise exception 'no %', new.error_message using errcode = 'feature_not_supported'; end $$;
      create trigger refuse before insert on jobs for each row when (new.id = 'b') execute function refuse()`);
    const calls = ['a', 'b', 'c'].map((id) =>
      db.jobs.create({ ...job(id), error_message: 'SECRET' }),
    );
    const [a, b, c] = await Promise.allSettled(calls);
    expect([a?.status, b?.status, c?.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await failureOf(calls[1] ?? Promise.resolve(), 'SCHEMA_MISMATCH')).toMatchObject({
      message: expect.not.stringContaining('SECRET'),
    });
    expect((await db.jobs.list()).map(({ id }) => id).sort()).toEqual(['a', 'c']);
    // Once with the others and once alone, not again and again as if it had to be prepared anew.
    const refused = events.filter(({ error }) => error !== undefined);
    expect(refused).toHaveLength(2);
  });

  it('and reads go on over every connection that had prepared what was altered', async () => {
    const { db, outside } = await own.open();
    await db.agents.upsert(agent('a'));
    const readMany = () => Promise.all(Array.from({ length: 10 }, () => db.agents.get('a')));
    await readMany();
    await outside.query('alter table agents alter column balance_sats type numeric');
    await outside.query('alter table agents alter column balance_sats type integer');
    expect((await readMany()).map((one) => one?.balance_sats)).toEqual(Array(10).fill(0));
    expect((await db.agents.adjustBalance('a', 5)).balance_sats).toBe(5);
  });
});
