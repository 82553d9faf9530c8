import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isPylonDbError, PylonDb } from '../../src/index.js';

// Writes to a server that dies and comes back, many calls at a time, through one PylonDb. Prints when
// it starts a call and how that ended, one a line: `ok`, `unknown` (COMMIT_UNKNOWN), `lost`
// (CONNECTION_LOST: nothing was stored) or `failed` with any other error. Ends when stdin does.

const [url = '', self = ''] = process.argv.slice(2);
const AGENTS = ['a', 'b', 'c'];

/** A server that is down answers at once: else the calls would be too many to judge. */
const PAUSE_WHEN_LOST_MS = 20;

const db = await PylonDb.open(url);
let isStopped = false;
process.stdin.on('end', () => {
  isStopped = true;
});
process.stdin.resume();

/** At once, past every buffer of this process: it may be dead the next moment. */
const say = (line: string): void => {
  writeSync(1, `${line}\n`);
};

async function reported(what: string, write: () => Promise<unknown>): Promise<boolean> {
  say(`start ${what}`);
  try {
    await write();
    say(`ok ${what}`);
    return true;
  } catch (error) {
    if (isPylonDbError(error, 'COMMIT_UNKNOWN')) say(`unknown ${what}`);
    else if (isPylonDbError(error, 'CONNECTION_LOST')) say(`lost ${what}`);
    else say(`failed ${what}: ${error}`);
    return false;
  }
}

const numberOf = (n: number) => Number(self) * 1_000_000 + n;

const tick = (n: number) =>
  reported(`tick ${numberOf(n)}`, () =>
    db.agents.recordTick(AGENTS[n % 3] ?? '', { tick_number: numberOf(n) }),
  );

async function payment(n: number): Promise<boolean> {
  const id = `${self}-${n}`;
  const job = { id, kind: 1, customer_pubkey: 'c', status: 'processing' } as const;
  if (!(await reported(`job ${id}`, () => db.jobs.create(job)))) return false;
  return await reported(`paid ${id}`, () =>
    db.jobs.completeWithPayment(id, { price_msats: n, payment_hash: id }),
  );
}

async function pair(n: number): Promise<boolean> {
  const id = `${self}-${n}`;
  return await reported(`pair ${id}`, () =>
    db.transaction(async (tx) => {
      await tx.jobs.create({ id: `${id}-one`, kind: 2, customer_pubkey: 'c' });
      await tx.jobs.create({ id: `${id}-two`, kind: 2, customer_pubkey: 'c' });
    }),
  );
}

/** A single statement, which commits by itself. */
const tip = (n: number) =>
  reported(`tip ${self}-${n}`, () =>
    db.kysely
      .insertInto('earnings')
      .values({ id: `${self}-${n}`, amount_msats: 1, source: 'tip' })
      .execute(),
  );

const kinds = [tick, payment, tick, pair, tick, tip];
for (let n = 0; !isStopped; n += 40) {
  const crowd = 1 + (n % 37);
  const calls = Array.from({ length: crowd }, (_, i) => kinds[i % kinds.length]?.(n + i));
  const stored = await Promise.all(calls);
  if (stored.includes(false)) await sleep(PAUSE_WHEN_LOST_MS);
}
await db.agents.updateState('a', 'active');
await db.close();
say('stopped');
