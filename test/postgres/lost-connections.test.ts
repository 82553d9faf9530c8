import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import type { PylonDb } from '../../src/pylon-db.js';
import { failureOf } from '../engine/failure.js';
import { agent, job } from '../engine/fresh.js';
import { Program } from '../faults/program.js';
import { LossyProxy } from './lossy-proxy.js';
import { connected, describeOnServer, type OwnServer, opened } from './own-server.js';
import { ANSWER_TIMEOUT_MS, overSilentLine } from './silent-line.js';

const run = promisify(execFile);
const program = new Program(join(import.meta.dirname, 'open-and-close.ts'));

/** Far more than the program takes on a busy machine, in ms, and far less than a system waits. */
const ENDS_WITHIN_MS = 300_000;

/** A schema that is reached over a line which can be cut, by one connection at a time. */
async function overLossyLine(own: OwnServer) {
  const { url, outside, db: direct } = await own.open();
  const proxy = await LossyProxy.start(own.server.port);
  const db = await opened(`${proxy.over(url)}&max=1`);
  await db.agents.upsert(agent('a'));
  return { db, direct, outside, proxy };
}

const tip = (db: Pick<PylonDb, 'kysely'>) =>
  db.kysely.insertInto('earnings').values({ id: 'e', amount_msats: 1, source: 'tip' }).execute();

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Another user's process may not be signalled, but is there.
    return Reflect.get(Object(error), 'code') === 'EPERM';
  }
}

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

  describe('when the server vanishes without a word', () => {
    it('a write that was sent is COMMIT_UNKNOWN, as it is stored, and the next call connects anew', async () => {
      const { db, direct, proxy } = await overSilentLine(own);
      proxy.swallowAnswer();
      await failureOf(db.jobs.create(job('j')), 'COMMIT_UNKNOWN');
      expect(await direct.jobs.get('j')).toBeDefined();
      await db.jobs.create(job('k'));
      expect(await direct.jobs.list()).toHaveLength(2);
    });

    it('a read is CONNECTION_LOST', async () => {
      const { db, proxy } = await overSilentLine(own);
      proxy.swallowAnswer();
      await failureOf(db.agents.get('a'), 'CONNECTION_LOST');
      expect(await db.agents.get('a')).toBeDefined();
    });

    it('a transaction is CONNECTION_LOST, and nothing of it is stored', async () => {
      const { db, direct, proxy } = await overSilentLine(own);
      const call = db.transaction(async (tx) => {
        await tx.agents.adjustBalance('a', 5);
        proxy.swallowAnswer();
        await tx.agents.adjustBalance('a', 5);
      });
      await failureOf(call, 'CONNECTION_LOST');
      expect((await direct.agents.get('a'))?.balance_sats).toBe(0);
    });

    it('a program that closed its PylonDb ends all the same', async () => {
      const { url } = await own.open();
      const proxy = await LossyProxy.start(own.server.port);
      proxy.ignoreGoodbyes();
      const args = [await program.path, proxy.over(url)];
      await run(process.execPath, args, { timeout: ENDS_WITHIN_MS });
    });

    it('ad-hoc SQL is CONNECTION_LOST when it reads, COMMIT_UNKNOWN when it writes', async () => {
      const { db, direct, proxy } = await overSilentLine(own);
      proxy.swallowAnswer();
      await failureOf(sql`select 1`.execute(db.kysely), 'CONNECTION_LOST');
      await db.agents.get('a');
      proxy.swallowAnswer();
      await failureOf(tip(db), 'COMMIT_UNKNOWN');
      expect(await direct.earnings.get('e')).toBeDefined();
    });

    it('it is noticed too when nobody answers there any more', async () => {
      const { db, proxy } = await overSilentLine(own);
      proxy.swallowAnswer();
      proxy.shut();
      await failureOf(db.agents.get('a'), 'CONNECTION_LOST');
    });

    it('the locks of its transaction are free again', async () => {
      const { db, direct, proxy } = await overSilentLine(own);
      proxy.keepsLines();
      const call = db.transaction(async (tx) => {
        await tx.agents.adjustBalance('a', 5);
        proxy.swallowAnswer();
        await tx.agents.get('a');
      });
      await failureOf(call, 'CONNECTION_LOST');
      expect((await direct.agents.adjustBalance('a', 1)).balance_sats).toBe(1);
    });

    it('callbacks may be silent for longer', async () => {
      const { db } = await overSilentLine(own);
      await db.transaction(async (tx) => {
        await tx.agents.adjustBalance('a', 5);
        await sleep(2 * ANSWER_TIMEOUT_MS);
        await tx.agents.adjustBalance('a', 5);
      });
      expect((await db.agents.get('a'))?.balance_sats).toBe(10);
    });
  });

  describe('when the server ends connections', () => {
    /** Ends connections once there are so many, and waits until the last of them has gone. */
    const end = async (where: string, url: string, least: number) => {
      const outside = await connected(url);
      const find = async (pids: string) => {
        const { rows } = await outside.query<{ pid: number }>(
          `select pid from pg_stat_activity
           where pid <> pg_backend_pid() and application_name = 'pylon-db' and ${pids}`,
        );
        return rows.map(({ pid }) => pid);
      };
      let found = await find(where);
      for (; found.length < least; found = await find(where)) await sleep(10);
      await outside.query('select pg_terminate_backend(pid) from unnest($1::int[]) pid', [found]);
      return {
        count: found.length,
        // Their processes are gone, so all that they had to say is here: one more turn reads it.
        gone: async () => {
          while (found.some(isRunning)) await sleep(5);
          await outside.query('select 1');
          await new Promise((resolve) => setImmediate(resolve));
        },
      };
    };

    it('that do nothing, nobody notices', async () => {
      const { url, db } = await own.open();
      await db.agents.upsert(agent('a'));
      await Promise.all(Array.from({ length: 5 }, () => db.agents.get('a')));
      await (await end("state = 'idle'", url, 5)).gone();
      expect(await Promise.all([db.agents.get('a'), db.agents.adjustBalance('a', 1)])).toHaveLength(
        2,
      );
    });

    it('in the moment in which they are asked, the next call works', async () => {
      const { url, db } = await own.open();
      await db.agents.upsert(agent('a'));
      const { gone } = await end("state = 'idle'", url, 1);
      // Whether the client knows already is chance.
      const calls = [db.agents.get('a'), db.agents.adjustBalance('a', 1), db.jobs.create(job('j'))];
      for (const ended of await Promise.allSettled(calls)) {
        if (ended.status === 'rejected') {
          expect(['CONNECTION_LOST', 'COMMIT_UNKNOWN']).toContain(ended.reason.code);
        }
      }
      await gone();
      await db.agents.adjustBalance('a', 1);
    });

    it('that are busy, their calls are refused and the others go on', async () => {
      const { url, db } = await own.open();
      await db.agents.upsert(agent('a'));
      const read = failureOf(sql`select pg_sleep(600)`.execute(db.kysely), 'CONNECTION_LOST');
      const transaction = failureOf(
        db.transaction(async (tx) => {
          await tx.agents.adjustBalance('a', 7);
          await sql`select pg_sleep(600)`.execute(tx.kysely);
        }),
        'CONNECTION_LOST',
      );
      expect((await end("query like '%pg_sleep(600)%'", url, 2)).count).toBe(2);
      await Promise.all([read, transaction]);
      expect((await db.agents.adjustBalance('a', 1)).balance_sats).toBe(1);
    });

    it('while a write waits for a lock, it is refused and nothing of it is stored', async () => {
      const { url, db, outside } = await own.open();
      await db.agents.upsert(agent('a'));
      await outside.query("begin; update agents set name = 'held'");
      const write = failureOf(db.agents.recordTick('a', { tick_number: 1 }), 'CONNECTION_LOST');
      expect((await end("wait_event_type = 'Lock'", url, 1)).count).toBe(1);
      await write;
      await outside.query('rollback');
      expect((await db.agents.get('a'))?.tick_count).toBe(0);
    });
  });
});
