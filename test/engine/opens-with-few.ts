import { closeSync, openSync } from 'node:fs';
import { isPylonDbError, PylonDb } from '../../src/index.js';

// Opens a database when so many descriptors are left, and prints how that ended.

const [path = '', left] = process.argv.slice(2);

function takeAll(): number[] {
  const taken: number[] = [];
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'));
  } catch {
    return taken;
  }
}

async function open(): Promise<string> {
  try {
    await (await PylonDb.open(path)).close();
    return 'opened';
  } catch (error) {
    return isPylonDbError(error) ? `${error.code} ${error.message}` : `raw: ${String(error)}`;
  }
}

// The driver is loaded: what is missing is a descriptor for the database.
await (await PylonDb.openInMemory()).close();
const taken = takeAll();
for (const fd of taken.splice(0, Number(left))) closeSync(fd);
const reported = await open();
for (const fd of taken) closeSync(fd);
process.stdout.write(`${reported}\n`);
