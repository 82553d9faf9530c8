import { PylonDb } from '../../src/index.js';

// Writes pairs of equal earnings, the two halves of each in one transaction, at two far times and
// of a job that only the pair has, until its input ends. Prints a line after the first pair.
const [url = '', early = '', late = ''] = process.argv.slice(2);

let isAsked = true;
process.stdin.on('end', () => {
  isAsked = false;
});
process.stdin.resume();

const db = await PylonDb.open(url);
for (let n = 0; isAsked; n++) {
  await db.transaction(async (tx) => {
    const id = `job${n}`;
    await tx.jobs.create({ id, kind: 1, customer_pubkey: 'c' });
    const half = { job_id: id, amount_msats: 1, source: 'job' } as const;
    await tx.earnings.record({ ...half, id: `${n}-early`, earned_at: Number(early) });
    await tx.earnings.record({ ...half, id: `${n}-late`, earned_at: Number(late) });
  });
  if (n === 0) process.stdout.write('begun\n');
}
await db.close();
