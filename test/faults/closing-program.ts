import { isPylonDbError, PylonDb } from '../../src/index.js';

// Closes, or just ends, while calls are on their way, and prints how each of them ended.

const [path = '', moment = '', busyTimeoutMs = '5000'] = process.argv.slice(2);
const AGENT = { npub: 'a', name: '', lifecycle_state: 'active' } as const;

const db = await PylonDb.open(path, { busyTimeoutMs: Number(busyTimeoutMs) });
if (moment !== 'wait') await db.agents.upsert(AGENT);

const tick = (n: number) => db.agents.recordTick('a', { tick_number: n });
const calls: Promise<unknown>[] = [];
if (moment === 'transaction') {
  calls.push(
    db.transaction(async (tx) => {
      for (let n = 0; n < 20; n++) {
        await tx.agents.recordTick('a', { tick_number: n });
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }),
  );
}
for (let n = 100; n < 400; n++) calls.push(tick(n));

if (moment === 'exit') {
  await Promise.all(calls);
  // Without close; what was acknowledged stands.
  process.exit();
}
const ended = Promise.allSettled(calls);
console.log('closing');
await Promise.all([db.close(), db.close()]);
await db.close();
const outcomes = (await ended).map((end) =>
  end.status === 'fulfilled' ? 'stored' : codeOf(end.reason),
);
console.log(JSON.stringify({ outcomes: count(outcomes), late: await tick(1).catch(codeOf) }));

function codeOf(error: unknown): string {
  return isPylonDbError(error) ? error.code : String(error);
}

function count(outcomes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}
