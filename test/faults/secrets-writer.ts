import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import { type MigrationList, PylonDb } from '../../src/index.js';

// Makes databases under a folder with the file mask given, in every way that makes files: new,
// migrated from the published schema, rebuilt, vacuumed, left without closing; then with each command
// that writes files.

const [folder = '', mask = '', rounds = '', cli = ''] = process.argv.slice(2);
process.umask(Number.parseInt(mask, 8));

const PREIMAGE = 'b7a3f00dcafe';

/** A service's migration that copies a whole table. */
const migrations: MigrationList = {
  '002_service': async () => ({
    rebuildsTables: true,
    async up({ context }) {
      await sql`create table copies as select * from earnings`.execute(context);
      await sql`create index copied on copies (preimage)`.execute(context);
    },
  }),
};

for (let round = 0; round < Number(rounds); round++) {
  const path = join(folder, `round ${round}`, 'deep', 'pylon.db');
  const db = await PylonDb.open(path);
  const payment = { price_msats: 5, preimage: PREIMAGE };
  for (let i = 0; i < 20; i++) {
    await db.jobs.create({ id: `job ${i}`, kind: 1, customer_pubkey: 'c'.repeat(3000) });
    await db.jobs.completeWithPayment(`job ${i}`, payment);
  }
  await sql`vacuum`.execute(db.kysely);
  await db.close();
  const migrated = await PylonDb.open(path, { migrations });
  await sql`create table sorted as select * from jobs order by customer_pubkey`.execute(
    migrated.kysely,
  );
  if (round % 2 === 0) await migrated.close();
}

const path = join(folder, 'round 0', 'deep', 'pylon.db');
const out = join(folder, 'out');
mkdirSync(out, { mode: 0o700 });
for (const command of [
  ['backup'],
  ['backup', join(out, 'copy.db')],
  ['backup', 'verify', join(out, 'copy.db')],
  ['export', 'earnings', '--include-secrets', '--out', join(out, 'earnings.csv')],
  ['export', '--all', '--include-secrets', '--format', 'json', '--out', join(out, 'all')],
  ['check', '--repair'],
  ['vacuum'],
  ['restore', join(out, 'copy.db')],
]) {
  execFileSync(process.execPath, [cli, ...command, '--db', path], { stdio: 'pipe' });
}
