import { setTimeout as sleep } from 'node:timers/promises';
import { isPylonDbError, PylonDb } from '../../src/index.js';

// One of several processes that write to one schema of a server at once. Prints what it did as JSON:
// each number can be added up and compared with what the schema holds.

const [url = '', self = '', writes = '0'] = process.argv.slice(2);
/** Processes that pay within so many ms pay with the same hash, all at the end of them. */
const PAYMENT_GRID_MS = 30;

const AGENTS = ['a', 'b', 'c'];

let conflicts = 0;
const db = await PylonDb.open(url, {
  busyTimeoutMs: 60_000,
  onQuery({ error }) {
    const code: unknown = Reflect.get(Object(error), 'code');
    if (code === '40001' || code === '40P01') conflicts += 1;
  },
});
const claimed: string[] = [];
const failures: string[] = [];
const done = { ticks: 0, sats: 0, counted: 0, payments: 0, refusedPayments: 0 };
let longestWaitMs = 0;

async function timed(write: () => Promise<unknown>): Promise<void> {
  const start = performance.now();
  try {
    await write();
  } catch (error) {
    failures.push(String(error));
  }
  longestWaitMs = Math.max(longestWaitMs, performance.now() - start);
}

async function claim(): Promise<void> {
  const job = await db.jobs.claimNext({ kinds: [1] });
  if (job !== undefined) claimed.push(job.id);
}

async function tick(n: number): Promise<void> {
  await db.agents.recordTick(AGENTS[n % 3] ?? '', { tick_number: n });
  done.ticks += 1;
}

async function fund(n: number): Promise<void> {
  const delta = n % 2 === 0 ? n : -1;
  await db.agents.adjustBalance(AGENTS[n % 3] ?? '', delta);
  done.sats += delta;
}

/** Reads, thinks, and writes what it read plus one: lost if another one wrote in between. */
async function readThenWrite(): Promise<void> {
  await db.transaction(async (tx) => {
    const counter = await tx.agents.get('counter');
    if (counter === undefined) throw new Error('there is no counter');
    await new Promise((resolve) => setImmediate(resolve));
    await tx.agents.updateBalance('counter', counter.balance_sats + 1);
    await tx.earnings.record({ id: `${self}-${done.counted}`, amount_msats: 1, source: 'tip' });
    done.counted += 1;
  });
}

/** All processes pay the same jobs; and, at the same moments, jobs of their own with one payment. */
async function pay(n: number): Promise<void> {
  const i = Math.floor(n / kinds.length);
  if (i % 2 === 0) {
    await db.jobs.completeWithPayment(`shared ${i}`, { price_msats: i, payment_hash: `hash ${i}` });
    return;
  }
  const id = `own ${self} ${i}`;
  await db.jobs.create({ id, kind: 3, customer_pubkey: 'c', status: 'processing' });
  const moment = Math.ceil(Date.now() / PAYMENT_GRID_MS);
  await sleep(moment * PAYMENT_GRID_MS - Date.now());
  try {
    await db.jobs.completeWithPayment(id, { price_msats: i, payment_hash: `moment ${moment}` });
    done.payments += 1;
  } catch (error) {
    if (!isPylonDbError(error, 'DUPLICATE_PAYMENT')) throw error;
    done.refusedPayments += 1;
  }
}

const kinds = [claim, tick, fund, readThenWrite, pay];
for (let n = 0; n < Number(writes); ) {
  // Lone calls and crowds by turns.
  const crowd = n % 3 === 0 ? 12 : 1;
  const calls: Promise<void>[] = [];
  for (let i = 0; i < crowd && n < Number(writes); i++, n++) {
    const own = n;
    calls.push(timed(async () => await kinds[own % kinds.length]?.(own)));
  }
  await Promise.all(calls);
}
await db.close();
console.log(JSON.stringify({ claimed, failures, ...done, longestWaitMs, conflicts }));
