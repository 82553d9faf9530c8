import { writeSync } from 'node:fs';
import { PylonDb } from '../../src/index.js';

// Writes numbered units, alone and many at a time, and dies: what it wrote stands in the WAL alone.
// A unit is a tick with its counter, a paid job with its earning, or a transaction of two jobs.

const [path = '', units = '0'] = process.argv.slice(2);

/** How many units a turn queues: lone commits and group commits by turns. */
const CALLS_A_TURN = [1, 7, 1, 30];

const db = await PylonDb.open(path);

async function unit(n: number): Promise<unknown> {
  const id = String(n);
  if (n % 3 === 0) return await db.agents.recordTick('a', { tick_number: n });
  if (n % 3 === 1) return await db.jobs.completeWithPayment(id, { price_msats: n });
  return await db.transaction(async (tx) => {
    await tx.jobs.create({ id: `${id}-one`, kind: n, customer_pubkey: 'c' });
    await tx.jobs.create({ id: `${id}-two`, kind: n, customer_pubkey: 'c' });
  });
}

for (let n = 0, turn = 0; n < Number(units); turn++) {
  const calls = Array.from({ length: CALLS_A_TURN[turn % CALLS_A_TURN.length] ?? 1 }, () =>
    unit(n++),
  );
  await Promise.all(calls);
}
writeSync(1, 'done\n');
process.kill(process.pid, 'SIGKILL');
