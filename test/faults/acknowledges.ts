import { writeSync } from 'node:fs';
import Database from 'better-sqlite3';
import { PylonDb } from '../../src/index.js';

// Writes without end, many calls at a time, and prints what was acknowledged, one a line: a tick's
// id, a paid job, a transaction of two jobs. Whoever started it kills it.

const [path = '', round = '', checkpoints = ''] = process.argv.slice(2);
const AGENTS = ['a', 'b', 'c'];

const db = await PylonDb.open(path);
for (const npub of AGENTS) await db.agents.upsert({ npub, name: '', lifecycle_state: 'active' });

/** Moves frames into the database all the time, as a file with a tiny WAL would. */
const checkpointer = checkpoints === 'tiny' ? new Database(path) : undefined;

/** At once, past every buffer of this process: it may be dead the next moment. */
const acknowledge = (what: string): void => {
  writeSync(1, `${what}\n`);
};

async function tick(n: number): Promise<void> {
  const { id } = await db.agents.recordTick(AGENTS[n % 3] ?? '', { tick_number: n });
  acknowledge(`tick ${id}`);
}

async function payment(n: number): Promise<void> {
  const id = `${round}-${n}`;
  await db.jobs.create({ id, kind: 1, customer_pubkey: 'c', status: 'processing' });
  await db.jobs.completeWithPayment(id, { price_msats: n });
  acknowledge(`paid ${id}`);
}

async function pair(n: number): Promise<void> {
  const id = `${round}-${n}`;
  await db.transaction(async (tx) => {
    await tx.jobs.create({ id: `${id}-one`, kind: 2, customer_pubkey: 'c' });
    await tx.jobs.create({ id: `${id}-two`, kind: 2, customer_pubkey: 'c' });
  });
  acknowledge(`pair ${id}`);
}

for (let n = 0; ; n += 40) {
  const calls = Array.from({ length: 1 + (n % 37) }, (_, i) =>
    i % 9 === 8 ? pair(n + i) : i % 3 === 2 ? payment(n + i) : tick(n + i),
  );
  await Promise.all(calls);
  checkpointer?.pragma('wal_checkpoint(passive)');
}
