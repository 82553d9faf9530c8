import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import type { PylonDb } from '../../src/index.js';
import { failureOf } from '../engine/failure.js';
import { agent, job } from '../engine/fresh.js';
import { LossyProxy } from './lossy-proxy.js';
import { connected, describeOnServer, type OwnServer, opened } from './own-server.js';

/** A schema that is reached over a line which can be cut, by one connection at a time. */
async function overLossyLine(own: OwnServer) {
  const { url, outside, db: direct } = await own.open();
  const proxy = await LossyProxy.start(own.server.port);
  const db = await opened(`${url.replace(/:\d+\//, `:${proxy.port}/`)}&max=1`);
  await db.agents.upsert(agent('a'));
  return { db, direct, outside, proxy };
}

const tip = (db: Pick<PylonDb, 'kysely'>) =>
  db.kysely.insertInto('earnings').values({ id: 'e', amount_msats: 1, source: 'tip' }).execute();

describeOnServer('a connection that is lost', (own) => {
  describe('when the line is cut', () => {
    it('before the answer to a lone write, that is COMMIT_UNKNOWN, as it is stored', async () => {
      const { db, direct, proxy } = await overLossyLine(own);
      proxy.loseAnswer();
      await failureOf(db.jobs.create(job('j')), 'COMMIT_UNKNOWN');
      expect(await direct.jobs.get('j')).toBeDefined();
      expect(await db.jobs.get('j')).toBeDefined();
    });

    it('before the answer to a batch, each of its calls is COMMIT_UNKNOWN', async () => {
      const { db, direct, proxy } = await overLossyLine(own);
      proxy.loseAnswer();
      const calls = ['x', 'y', 'z'].map((id) =>
        failureOf(db.jobs.create(job(id)), 'COMMIT_UNKNOWN'),
      );
      await Promise.all(calls);
      expect(await direct.jobs.list()).toHaveLength(3);
    });

    it('before the answer to ad-hoc SQL, that is COMMIT_UNKNOWN', async () => {
      const { db, direct, proxy } = await overLossyLine(own);
      proxy.loseAnswer();
      await failureOf(tip(db), 'COMMIT_UNKNOWN');
      expect(await direct.earnings.get('e')).toBeDefined();
    });

    it('before the answer to the COMMIT of a unit, that is COMMIT_UNKNOWN', async () => {
      const { db, direct, proxy } = await overLossyLine(own);
      await db.agents.recordTick('a', { tick_number: 1 });
      proxy.loseAnswer(1);
      await failureOf(db.agents.recordTick('a', { tick_number: 2 }), 'COMMIT_UNKNOWN');
      expect((await direct.agents.get('a'))?.tick_count).toBe(2);
      expect(await direct.agents.tickHistory('a')).toHaveLength(2);
    });

    it('before its COMMIT was sent, that is CONNECTION_LOST, as nothing is stored', async () => {
      const { db, direct, proxy } = await overLossyLine(own);
      await db.agents.recordTick('a', { tick_number: 1 });
      proxy.loseAnswer();
      await failureOf(db.agents.recordTick('a', { tick_number: 2 }), 'CONNECTION_LOST');
      expect(await direct.agents.tickHistory('a')).toHaveLength(1);
      expect((await db.agents.recordTick('a', { tick_number: 3 })).tick_number).toBe(3);
      expect((await direct.agents.get('a'))?.tick_count).toBe(2);
    });

    it('before the answer to the COMMIT of a transaction, that is COMMIT_UNKNOWN, and it runs once', async () => {
      const { db, direct, proxy } = await overLossyLine(own);
      let runs = 0;
      const call = db.transaction(async (tx) => {
        runs += 1;
        await tx.agents.adjustBalance('a', 5);
        proxy.loseAnswer();
      });
      await failureOf(call, 'COMMIT_UNKNOWN');
      expect(runs).toBe(1);
      expect((await direct.agents.get('a'))?.balance_sats).toBe(5);
    });

    it('inside a transaction, that is CONNECTION_LOST, as nothing is stored', async () => {
      const { db, direct, proxy } = await overLossyLine(own);
      const call = db.transaction(async (tx) => {
        await tx.agents.adjustBalance('a', 5);
        proxy.loseAnswer();
        await tx.agents.adjustBalance('a', 5);
      });
      await failureOf(call, 'CONNECTION_LOST');
      const caught = db.transaction(async (tx) => {
        await tx.agents.adjustBalance('a', 5);
        proxy.loseAnswer();
        await failureOf(tx.agents.get('a'), 'CONNECTION_LOST');
      });
      await failureOf(caught, 'CONNECTION_LOST');
      expect((await direct.agents.get('a'))?.balance_sats).toBe(0);
    });
  });

  describe('when the server ends connections', () => {
    const end = async (where: string, url: string) => {
      const outside = await connected(url);
      const { rows } = await outside.query<{ ended: number }>(
        `select count(pg_terminate_backend(pid))::int as ended from pg_stat_activity
       where pid <> pg_backend_pid() and application_name = 'pylon-db' and ${where}`,
      );
      return rows[0]?.ended ?? 0;
    };

    it('that do nothing, nobody notices', async () => {
      const { url, db } = await own.open();
      await db.agents.upsert(agent('a'));
      await Promise.all(Array.from({ length: 5 }, () => db.agents.get('a')));
      expect(await end("state = 'idle'", url)).toBeGreaterThanOrEqual(5);
      await sleep(50);
      expect(await Promise.all([db.agents.get('a'), db.agents.adjustBalance('a', 1)])).toHaveLength(
        2,
      );
    });

    it('in the moment in which they are asked, the next call works', async () => {
      const { url, db } = await own.open();
      await db.agents.upsert(agent('a'));
      await end("state = 'idle'", url);
      // Whether the client knows already is chance.
      const calls = [db.agents.get('a'), db.agents.adjustBalance('a', 1), db.jobs.create(job('j'))];
      for (const ended of await Promise.allSettled(calls)) {
        if (ended.status === 'rejected') {
          expect(['CONNECTION_LOST', 'COMMIT_UNKNOWN']).toContain(ended.reason.code);
        }
      }
      await sleep(50);
      await db.agents.adjustBalance('a', 1);
    });

    it('that are busy, their calls are told and the others go on', async () => {
      const { url, db } = await own.open();
      await db.agents.upsert(agent('a'));
      const read = failureOf(sql`select pg_sleep(60)`.execute(db.kysely), 'CONNECTION_LOST');
      const transaction = failureOf(
        db.transaction(async (tx) => {
          await tx.agents.adjustBalance('a', 7);
          await sql`select pg_sleep(60)`.execute(tx.kysely);
        }),
        'CONNECTION_LOST',
      );
      await sleep(100);
      expect(await end("query like '%pg_sleep(60)%'", url)).toBe(2);
      await Promise.all([read, transaction]);
      expect((await db.agents.adjustBalance('a', 1)).balance_sats).toBe(1);
    });

    it('while a write waits for a lock, it is told and nothing of it is stored', async () => {
      const { url, db, outside } = await own.open();
      await db.agents.upsert(agent('a'));
      await outside.query("begin; update agents set name = 'held'");
      const write = failureOf(db.agents.recordTick('a', { tick_number: 1 }), 'CONNECTION_LOST');
      await sleep(100);
      expect(await end("wait_event_type = 'Lock'", url)).toBe(1);
      await write;
      await outside.query('rollback');
      expect((await db.agents.get('a'))?.tick_count).toBe(0);
    });
  });
});
