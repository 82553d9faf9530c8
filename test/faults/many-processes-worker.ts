import { PylonDb } from '../../src/index.js';

// One of several processes that write to one file at once. Prints what it did as JSON: each number
// can be added up and compared with what the file holds.

const [path = '', self = '', writes = '0'] = process.argv.slice(2);
const AGENTS = ['a', 'b', 'c'];

const db = await PylonDb.open(path, { busyTimeoutMs: 60_000 });
const claimed: string[] = [];
const failures: string[] = [];
const done = { ticks: 0, sats: 0, counted: 0 };
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
  const job = await db.jobs.claimNext();
  if (job !== undefined) claimed.push(job.id);
}

async function tick(n: number): Promise<void> {
  await db.agents.recordTick(AGENTS[n % 3] ?? '', { tick_number: n });
  done.ticks += 1;
}

async function fund(n: number): Promise<void> {
  await db.agents.adjustBalance(AGENTS[n % 3] ?? '', n);
  done.sats += n;
}

/** Reads, thinks, and writes what it read plus one: lost if another one wrote in between. */
async function readThenWrite(): Promise<void> {
  await db.transaction(async (tx) => {
    const counter = await tx.agents.get('counter');
    if (counter === undefined) throw new Error('there is no counter');
    await new Promise((resolve) => setImmediate(resolve));
    await tx.agents.updateBalance('counter', counter.balance_sats + 1);
    await tx.earnings.record({ id: `${self}-${done.counted}`, amount_msats: 1, source: 'tip' });
  });
  done.counted += 1;
}

const kinds = [claim, tick, fund, readThenWrite];
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
console.log(JSON.stringify({ claimed, failures, ...done, longestWaitMs }));
