import { readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { PylonDb } from '../../src/index.js';

// Makes backups of a database that others write, and prints of each its path, how long it took, and
// the last number that was acknowledged when it was asked for.

const [path = '', folder = '', counter = '', count = ''] = process.argv.slice(2);

const db = await PylonDb.open(path, { readonly: true });
for (let i = 0; i < Number(count); i++) {
  const acknowledged = Number(readFileSync(counter, 'utf8'));
  const start = performance.now();
  const backup = await db.backup(join(folder, `${i}.db`));
  const ms = performance.now() - start;
  writeSync(1, `${JSON.stringify({ path: backup.path, acknowledged, ms })}\n`);
}
await db.close();
