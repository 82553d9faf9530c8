import { PylonDb } from '../../src/index.js';

// Awaits so many ticks, one commit each.

const [path = '', durability, ticks = '0'] = process.argv.slice(2);

const db = await PylonDb.open(path, { durability: durability === 'full' ? 'full' : 'normal' });
for (let n = 0; n < Number(ticks); n++) await db.agents.recordTick('a', { tick_number: n });
process.exit();
