import { join } from 'node:path';
import type pg from 'pg';
import { expect, it } from 'vitest';
import { agent } from '../engine/fresh.js';
import { describeOnServer } from '../postgres/own-server.js';
import { Program } from './program.js';
import { reported } from './table.js';

const PROCESSES = 8;
const WRITES = 500;

/** Payments of each process: one write of five. Half are of jobs that all processes pay. */
const PAYMENTS = WRITES / 5;

/** Fewer than the claims, so that workers fight for the last ones. */
const JOBS = 700;

const worker = new Program(join(import.meta.dirname, 'postgres-many-processes-worker.ts'));

interface Said {
  readonly claimed: readonly string[];
  readonly failures: readonly string[];
  readonly ticks: number;
  readonly sats: number;
  readonly counted: number;
  readonly payments: number;
  readonly refusedPayments: number;
  readonly longestWaitMs: number;
  readonly conflicts: number;
}

async function number(outside: pg.Client, expression: string): Promise<number> {
  const { rows } = await outside.query(`select (${expression})::int as number`);
  return rows[0]?.number;
}

describeOnServer('on a server', (own) => {
  it(`${PROCESSES} processes with ${WRITES} writes each lose no update, claim no job and count no payment twice`, async () => {
    const { url, db, outside } = await own.open();
    for (const npub of ['a', 'b', 'c', 'counter']) {
      await db.agents.upsert({ ...agent(npub), balance_sats: npub === 'counter' ? 0 : 100_000 });
    }
    const job = (id: string, kind: number) =>
      db.jobs.create({
        ...{ id, kind, customer_pubkey: 'c' },
        status: kind === 1 ? 'pending' : 'processing',
      });
    await Promise.all([
      ...Array.from({ length: JOBS }, (_, i) => job(`job ${i}`, 1)),
      ...Array.from({ length: PAYMENTS }, (_, i) => job(`shared ${i}`, 2)),
    ]);

    const ends = await Promise.all(
      Array.from({ length: PROCESSES }, (_, i) => worker.run([url, i, WRITES])),
    );
    for (const { exitCode, stderr } of ends)
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const said = ends.map(({ lines }): Said => JSON.parse(lines[0] ?? ''));
    const sum = (of: (one: Said) => number) => said.reduce((total, one) => total + of(one), 0);

    expect(said.flatMap(({ failures }) => failures)).toEqual([]);
    const claimed = said.flatMap((one) => one.claimed);
    expect(new Set(claimed).size).toBe(claimed.length);
    expect(claimed).toHaveLength(JOBS);
    const stored = (expression: string) => number(outside, expression);
    const ticks = sum((one) => one.ticks);
    expect(await stored('select count(*) from tick_history')).toBe(ticks);
    expect(await stored('select sum(tick_count) from agents')).toBe(ticks);
    expect(await stored("select sum(balance_sats) from agents where npub <> 'counter'")).toBe(
      300_000 + sum(({ sats }) => sats),
    );
    const transactions = (PROCESSES * WRITES) / 5;
    expect(await stored("select balance_sats from agents where npub = 'counter'")).toBe(
      transactions,
    );
    expect(await stored("select count(*) from earnings where source = 'tip'")).toBe(transactions);
    // Of each hash one earning: of the shared jobs, and of those that were paid at one moment.
    const payments = PAYMENTS / 2 + sum((one) => one.payments);
    const refused = sum((one) => one.refusedPayments);
    expect(payments + refused).toBe((PAYMENTS / 2) * (PROCESSES + 1));
    expect(refused).toBeGreaterThan(0);
    expect(await stored("select count(*) from earnings where source = 'job'")).toBe(payments);
    expect(await stored('select count(distinct payment_hash) from earnings')).toBe(payments);
    expect(await stored("select count(*) from jobs where status = 'completed'")).toBe(payments);
    expect(
      await stored(`select count(*) from jobs j join earnings e on e.job_id = j.id
        and e.amount_msats = j.price_msats where j.status = 'completed'`),
    ).toBe(payments);
    reported('PostgreSQL: many processes', {
      tried: `${PROCESSES} processes × ${WRITES} mixed writes: claims, ticks, balances, payments, transactions`,
      figure: `0 BUSY, 0 lost updates, 0 double claims, 0 payments counted twice (${refused} refused), sums exact; ${sum(
        ({ conflicts }) => conflicts,
      ).toLocaleString('en')} conflicts tried again; longest wait ${Math.max(
        ...said.map(({ longestWaitMs }) => Math.round(longestWaitMs)),
      )} ms`,
    });
  });
});
