import { openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { PylonDb } from '../../src/index.js';

// Writes without end: for each number a job, then its payment, then a tick, eight numbers at a time.
// What is acknowledged stands in `counter` at once, as the number of the last that is whole. A line
// on stdin asks for the latencies since the last one.

const [path = '', counter = ''] = process.argv.slice(2);

/** Numbers in flight. */
const WIDTH = 8;

/** How many are kept: the file must not grow for as long as the test runs. */
const KEPT = 2000;

const db = await PylonDb.open(path);
await db.agents.upsert({ npub: 'a', name: '', lifecycle_state: 'active' });
const acknowledged = openSync(counter, 'w');

let latenciesMs: number[] = [];

async function timed(call: () => Promise<unknown>): Promise<void> {
  const start = performance.now();
  await call();
  latenciesMs.push(performance.now() - start);
}

async function write(n: number): Promise<void> {
  const id = String(n);
  const job = { id, kind: 1, customer_pubkey: 'c', status: 'processing' } as const;
  await timed(() => db.jobs.create(job));
  await timed(() => db.jobs.completeWithPayment(id, { price_msats: n }));
  await timed(() => db.agents.recordTick('a', { tick_number: n }));
}

/** Old numbers go from all three tables at once. */
async function forget(before: number): Promise<void> {
  await db.transaction(async ({ kysely }) => {
    await kysely.deleteFrom('earnings').where('amount_msats', '<', before).execute();
    await kysely
      .deleteFrom('jobs')
      .where('kind', '=', 1)
      .where('price_msats', '<', before)
      .execute();
    await kysely.deleteFrom('tick_history').where('tick_number', '<', before).execute();
  });
}

createInterface(process.stdin).on('line', () => {
  const sorted = latenciesMs.sort((a, b) => a - b);
  latenciesMs = [];
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  const reported = { calls: sorted.length, p50: at(0.5), p99: at(0.99), longest: sorted.at(-1) };
  writeSync(1, `${JSON.stringify(reported)}\n`);
});

for (let n = 0; ; n += WIDTH) {
  await Promise.all(Array.from({ length: WIDTH }, (_, i) => write(n + i)));
  writeSync(acknowledged, String(n + WIDTH - 1).padEnd(20), 0);
  if (n % KEPT === 0) await forget(n - KEPT);
}
