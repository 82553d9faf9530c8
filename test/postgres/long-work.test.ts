import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import type pg from 'pg';
import { expect, it } from 'vitest';
import { failureOf } from '../engine/failure.js';
import { agent } from '../engine/fresh.js';
import { describeOnServer } from './own-server.js';
import { ANSWER_TIMEOUT_MS, overSilentLine } from './silent-line.js';

/** How long the work of these tests takes, in seconds: the server is asked, and asked again. */
const LONG_S = (2 * ANSWER_TIMEOUT_MS) / 1000 + 1.2;

/** Lets the delete of an agent take `seconds`. */
const slowDeletes = (outside: pg.Client, seconds: number) =>
  outside.query(`
    create function slow() returns trigger language plpgsql
      as 'begin perform pg_sleep(${seconds}); return old; end';
    create trigger slow before delete on agents for each row execute function slow()`);

/** Waits until the server does, or no longer does, what `query` is like. */
async function untilActive(outside: pg.Client, query: string, isActive: boolean): Promise<void> {
  const find = `select 1 from pg_stat_activity
    where pid <> pg_backend_pid() and state = 'active' and query like $1`;
  while (((await outside.query(find, [query])).rowCount !== 0) !== isActive) await sleep(10);
}

describeOnServer('work that takes longer than a server is silent', (own) => {
  it('is waited for: a read', async () => {
    const { db, outside } = await overSilentLine(own);
    await outside.query(`create or replace view pylon_db_job_totals as select v.status,
      (v.count + coalesce((select 0 where pg_sleep(${LONG_S}) is null), 0))::bigint as count
      from (values ('invalid', 0)) v(status, count)`);
    expect((await db.jobs.countByStatus()).pending).toBe(0);
  });

  it('is waited for: a unit, which is stored', async () => {
    const { db, direct, outside } = await overSilentLine(own);
    await slowDeletes(outside, LONG_S);
    expect(await db.agents.delete('a')).toBe(true);
    expect(await direct.agents.get('a')).toBeUndefined();
  });

  it("is waited for: a transaction's statement", async () => {
    const { db, direct, outside } = await overSilentLine(own);
    await slowDeletes(outside, LONG_S);
    await db.transaction(async (tx) => {
      await tx.agents.delete('a');
      await tx.agents.upsert(agent('b'));
    });
    expect((await direct.agents.listAll()).map(({ npub }) => npub)).toEqual(['b']);
  });

  it('is waited for: ad-hoc SQL', async () => {
    const { db, direct, outside } = await overSilentLine(own);
    await slowDeletes(outside, LONG_S);
    await sql`select pg_sleep(${LONG_S})`.execute(db.kysely);
    await db.kysely.deleteFrom('agents').execute();
    expect(await direct.agents.listAll()).toEqual([]);
  });

  it('is waited for when the server has no connection left to ask over', async () => {
    const { db, outside } = await overSilentLine(own, { isConnected: false, role: 'single' });
    await outside.query('drop role if exists single; create role single login connection limit 1');
    await sql`select pg_sleep(${LONG_S})`.execute(db.kysely);
  });

  it('is waited for behind a pooler that names processes of its own', async () => {
    const { db, proxy } = await overSilentLine(own, { isConnected: false });
    proxy.namesProcesses();
    await sql`select pg_sleep(${LONG_S})`.execute(db.kysely);
  });
});

describeOnServer('work that nobody waits for any more', (own) => {
  /** In ms. On a machine that needs more to come so far, there is nothing to stop. */
  const timeoutMs = 700;

  it('ends on the server with the time of its transaction', async () => {
    const { db, outside } = await own.open();
    const call = db.transaction((tx) => sql`select pg_sleep(600) as timed`.execute(tx.kysely), {
      timeoutMs,
    });
    await failureOf(call, 'TIMEOUT');
    await untilActive(outside, '%pg_sleep(600) as timed%', false);
  });

  it('ends there too when it comes to the server after it was asked to stop', async () => {
    const { db, outside, proxy } = await overSilentLine(own, { answerTimeoutMs: 600_000 });
    let held: { readonly release: () => void } | undefined;
    const call = db.transaction(
      async (tx) => {
        await tx.agents.get('a');
        // The savepoint's: the statement is sent once it is there.
        held = proxy.holdAnswer();
        await sql`select pg_sleep(600) as late`.execute(tx.kysely);
      },
      { timeoutMs },
    );
    const failed = failureOf(call, 'TIMEOUT');
    await sleep(2 * timeoutMs);
    held?.release();
    await failed;
    await untilActive(outside, '%pg_sleep(600) as late%', false);
  });

  it('is given up when nobody answers, long before its line is looked at', async () => {
    const { db, proxy } = await overSilentLine(own, { answerTimeoutMs: 600_000 });
    const call = db.transaction(
      async (tx) => {
        await tx.agents.get('a');
        proxy.swallowAnswer();
        proxy.shut();
        await tx.agents.get('a');
      },
      { timeoutMs },
    );
    await failureOf(call, 'TIMEOUT');
  });
});
