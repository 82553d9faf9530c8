import type { Entry } from './contestant.js';
import { handWritten } from './contestants/hand-written.js';
import { pylonDb } from './contestants/pylon-db.js';
import { AGENTS } from './rows.js';
import { Workload } from './workload.js';

// One of several processes that tick on one file, each call when the last is answered. It warms up on
// a file of its own; then a message says for how long, in milliseconds.

/** What a process answers: that it is ready, or how its ticks went. */
export type TickerAnswer =
  | { readonly state: 'ready' }
  | { readonly state: 'done'; readonly ticks: number; readonly longestMs: number };

/** Enough for all code of a tick to be compiled. */
const WARM_UP_TICKS = 10_000;

/** Ticks of a process before those of the next begin: other agents. */
const TICKS_APART = 251;

const [name = '', path = '', warmUpPath = '', rows = '0', number = '0'] = process.argv.slice(2);
const workload = new Workload(Number(rows), Number(number) * TICKS_APART);
const entry: Entry = name === handWritten.name ? handWritten : pylonDb;

const warmUp = await entry.open(warmUpPath);
for (let i = 0; i < WARM_UP_TICKS; i++) {
  const { npub, tick } = workload.newTick(AGENTS);
  await warmUp.recordTick(npub, tick);
}
await warmUp.close();

const contestant = await entry.open(path);
process.once('message', (forMs: number) => void tickFor(forMs));
answer({ state: 'ready' });

async function tickFor(forMs: number): Promise<void> {
  let ticks = 0;
  let longestMs = 0;
  const end = performance.now() + forMs;
  for (let start = performance.now(); start < end; ticks++) {
    const { npub, tick } = workload.newTick(AGENTS);
    await contestant.recordTick(npub, tick);
    const now = performance.now();
    longestMs = Math.max(longestMs, now - start);
    start = now;
  }
  await contestant.close();
  answer({ state: 'done', ticks, longestMs });
  process.disconnect();
}

function answer(reply: TickerAnswer): void {
  process.send?.(reply);
}
