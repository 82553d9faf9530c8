import { PylonDb } from '../../src/index.js';

// One of several processes on one file: records so many ticks, one after another, or, where none
// are wanted, reads without end.

const [path = '', self = '', ticks = '0'] = process.argv.slice(2);

if (Number(ticks) > 0) await write();
else await readForEver();

async function write(): Promise<void> {
  const db = await PylonDb.open(path, { busyTimeoutMs: 60_000 });
  await db.agents.upsert({ npub: self, name: '', lifecycle_state: 'active' });
  for (let tick_number = 0; tick_number < Number(ticks); tick_number++) {
    await db.agents.recordTick(self, { tick_number });
  }
  await db.close();
}

async function readForEver(): Promise<void> {
  const db = await PylonDb.open(path, { readonly: true });
  for (;;) {
    await db.agents.listAll();
    await db.jobs.list();
    await db.earnings.summary();
  }
}
