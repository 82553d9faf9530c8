import { PylonDb } from '../../src/index.js';

// Claims every pending job of a file with several callers at once, and prints the ids as JSON.
const [path = '', callers = '1'] = process.argv.slice(2);

const db = await PylonDb.open(path);
const claimed: string[] = [];
await Promise.all(
  Array.from({ length: Number(callers) }, async () => {
    for (let job = await db.jobs.claimNext(); job !== undefined; job = await db.jobs.claimNext()) {
      claimed.push(job.id);
    }
  }),
);
await db.close();
process.stdout.write(JSON.stringify(claimed));
