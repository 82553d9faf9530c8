import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { PylonDb, PylonDbTransaction } from '../../src/index.js';
import { failureOf, rejection } from '../engine/failure.js';
import { agent, job } from '../engine/fresh.js';
import { signal } from '../signal.js';
import { describeOnServer, type OwnServer, opened } from './own-server.js';

/** Longer than any test, in ms: nobody gives up on a busy machine. */
const NEVER_MS = 600_000;

/** Two nodes on one schema, with jobs `a` and `b` that can be paid. */
async function twoNodes(own: OwnServer) {
  const { url, db: one, outside } = await own.open({ busyTimeoutMs: NEVER_MS });
  const two = await opened(url, { busyTimeoutMs: NEVER_MS });
  for (const id of ['a', 'b']) await one.jobs.create(job(id));
  return { one, two, outside };
}

type Pays = (db: PylonDb | PylonDbTransaction, id: string) => Promise<unknown>;

const WAYS: readonly (readonly [string, Pays])[] = [
  ['recordForJob', (db, id) => db.earnings.recordForJob(id, 5, { payment_hash: 'h' })],
  [
    'record',
    (db, id) =>
      db.earnings.record({
        id: `e${id}`,
        job_id: id,
        amount_msats: 5,
        source: 'job',
        payment_hash: 'h',
      }),
  ],
  [
    'completeWithPayment',
    (db, id) => db.jobs.completeWithPayment(id, { price_msats: 5, payment_hash: 'h' }),
  ],
];

async function earningsOf(db: PylonDb): Promise<(string | null)[]> {
  return (await db.earnings.recent(100)).map(({ job_id }) => job_id);
}

describeOnServer('nodes on one schema of a server', (own) => {
  describe('a payment is recorded once', () => {
    it.each(WAYS)(
      'by %s in a transaction whose snapshot is older than the other one',
      async (_, pay) => {
        const { one, two } = await twoNodes(own);
        let runs = 0;
        const call = one.transaction(async (tx) => {
          runs += 1;
          expect(await tx.earnings.total()).toBe(runs === 1 ? 0 : 5);
          if (runs === 1) await pay(two, 'b');
          await pay(tx, 'a');
        });
        await failureOf(call, 'DUPLICATE_PAYMENT');
        expect(runs).toBe(2);
        expect(await earningsOf(one)).toEqual(['b']);
        expect((await one.jobs.get('a'))?.status).toBe('pending');
      },
    );

    it.each(WAYS)(
      'by %s outside, which waits for a transaction that records it',
      async (_, pay) => {
        const { one, two } = await twoNodes(own);
        const [recorded, goOn] = [signal(), signal()];
        const transaction = one.transaction(async (tx) => {
          await pay(tx, 'a');
          recorded.give();
          await goOn.given;
        });
        await recorded.given;
        let isSettled = false;
        const outside = rejection(pay(two, 'b')).finally(() => {
          isSettled = true;
        });
        await sleep(100);
        expect(isSettled).toBe(false);
        goOn.give();
        await transaction;
        expect(await outside).toMatchObject({ code: 'DUPLICATE_PAYMENT' });
        expect(await earningsOf(one)).toEqual(['a']);
      },
    );

    it.each(WAYS)('by %s in two transactions at once', async (_, pay) => {
      const { one, two } = await twoNodes(own);
      let met = 0;
      const paid = (db: PylonDb, id: string) =>
        db.transaction(async (tx) => {
          await tx.jobs.get(id);
          met += 1;
          while (met < 2) await sleep(1);
          await pay(tx, id);
        });
      const ended = await Promise.allSettled([paid(one, 'a'), paid(two, 'b')]);
      const refused = ended.filter((end) => end.status === 'rejected');
      expect(refused).toMatchObject([{ reason: { code: 'DUPLICATE_PAYMENT' } }]);
      expect(await earningsOf(one)).toEqual([ended[0].status === 'fulfilled' ? 'a' : 'b']);
    });

    it.each(WAYS)('by %s after a transaction that recorded it was undone', async (_, pay) => {
      const { one, two } = await twoNodes(own);
      const [recorded, goOn] = [signal(), signal()];
      const transaction = one.transaction(async (tx) => {
        await pay(tx, 'a');
        recorded.give();
        await goOn.given;
        throw new Error('undone');
      });
      await recorded.given;
      const outside = pay(two, 'b');
      goOn.give();
      await rejection(transaction);
      await outside;
      expect(await earningsOf(one)).toEqual(['b']);
    });

    it('by two nodes for the same job: both get the same earning', async () => {
      const { one, two } = await twoNodes(own);
      const payment = { price_msats: 5, payment_hash: 'h' };
      const ids = new Set<string>();
      const nodes = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? one : two));
      await Promise.all(
        nodes.map(async (db) => {
          ids.add((await db.jobs.completeWithPayment('a', payment)).earning.id);
          ids.add(await db.earnings.recordForJob('a', 5, { payment_hash: 'h' }));
          ids.add(
            (await db.transaction(async (tx) => await tx.jobs.completeWithPayment('a', payment)))
              .earning.id,
          );
        }),
      );
      expect(ids.size).toBe(1);
      expect(await earningsOf(one)).toEqual(['a']);
    });
  });

  describe('transactions are serializable', () => {
    it('two that read both balances and lower one keep the sum at or above its floor', async () => {
      const { one, two } = await twoNodes(own);
      const floor = 100;
      for (const npub of ['x', 'y']) await one.agents.upsert({ ...agent(npub), balance_sats: 80 });
      for (let round = 0; round < 8; round++) {
        await Promise.all(['x', 'y'].map((npub) => one.agents.updateBalance(npub, 80)));
        let met = 0;
        let spent = 0;
        const spend = (db: PylonDb, from: string) =>
          db.transaction(async (tx) => {
            const x = (await tx.agents.get('x'))?.balance_sats ?? 0;
            const y = (await tx.agents.get('y'))?.balance_sats ?? 0;
            met += 1;
            while (met < 2) await sleep(1);
            if (x + y - 60 < floor) return;
            await tx.agents.adjustBalance(from, -60);
          });
        await Promise.all([spend(one, 'x'), spend(two, 'y')]);
        for (const { balance_sats } of await one.agents.listAll()) spent += 80 - balance_sats;
        expect({ round, spent }).toEqual({ round, spent: 60 });
      }
    });

    it('a balance that was read is still so when the transaction commits', async () => {
      const { one, two } = await twoNodes(own);
      await one.agents.upsert({ ...agent('x'), balance_sats: 1 });
      const add = (db: PylonDb) =>
        db.transaction(async (tx) => {
          const balance = (await tx.agents.get('x'))?.balance_sats ?? 0;
          await sleep(1);
          await tx.agents.updateBalance('x', balance + 1);
        });
      await Promise.all(Array.from({ length: 30 }, (_, i) => add(i % 2 === 0 ? one : two)));
      expect((await one.agents.get('x'))?.balance_sats).toBe(31);
    });
  });
});
