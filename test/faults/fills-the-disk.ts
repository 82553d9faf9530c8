import { PylonDb } from '../../src/index.js';

// Ticks and creates until the file may not grow any more, and prints as JSON what was acknowledged
// and how the rest failed. The parent limits the size of the files of this process.
const [path = '', callsATurn = '1'] = process.argv.slice(2);

const db = await PylonDb.open(path, { clock: () => 1 });
const acknowledged: (string | number)[] = [];
const codes = new Set<unknown>();
for (let turn = 0; codes.size === 0; turn++) {
  const calls = Array.from({ length: Number(callsATurn) }, async (_, i) => {
    const n = turn * Number(callsATurn) + i;
    try {
      if (n % 2 === 0) {
        const job = { id: `job ${n}`, kind: 1, customer_pubkey: 'x'.repeat(500) };
        acknowledged.push((await db.jobs.create(job)).id);
      } else {
        acknowledged.push((await db.agents.recordTick('n', { tick_number: n })).tick_number);
      }
    } catch (error) {
      codes.add(error instanceof Error && 'code' in error ? error.code : String(error));
    }
  });
  await Promise.all(calls);
}
const readable = await db.agents.get('n');
process.stdout.write(
  JSON.stringify({ acknowledged, codes: [...codes], tick_count: readable?.tick_count }),
);
// Killed, not closed: nothing more may be written.
process.kill(process.pid, 'SIGKILL');
