import { PylonDb } from '../../src/index.js';

// A program that has nothing more to do once it has closed what it opened.

const db = await PylonDb.open(process.argv[2] ?? '');
await db.close();
