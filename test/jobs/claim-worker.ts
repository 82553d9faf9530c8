import { PylonDb } from '../../src/index.js';

// Claims every pending job of a database with several callers at once, and prints the ids as JSON.
const [url = '', callers = '1'] = process.argv.slice(2);

const db = await PylonDb.open(url);
const claimed: string[] = [];
await Promise.all(
  Array.from({ length: Number(callers) }, async () => {
    for (let job = await db.jobs.claimNext(); job !== undefined; job = await db.jobs.claimNext()) {
      claimed.push(job.id);
    }
  }),
);
await db.close();
console.log(JSON.stringify(claimed));
