import { isPylonDbError, PylonDb } from '../../src/index.js';

// Opens a database, stores a row, and prints how that ended.

const [path = ''] = process.argv.slice(2);

async function store(): Promise<string> {
  try {
    const db = await PylonDb.open(path);
    await db.earnings.record({ id: crypto.randomUUID(), amount_msats: 1, source: 'tip' });
    await db.close();
    return 'stored';
  } catch (error) {
    return isPylonDbError(error) ? error.code : `raw: ${String(error)}`;
  }
}

process.stdout.write(`${await store()}\n`);
