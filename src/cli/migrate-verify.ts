import type Database from 'better-sqlite3';
import type { Command } from 'commander';
import { isPylonDbError } from '../errors.js';
import { readLedgerRows } from '../migrate/ledger-rows.js';
import type { MigrationList } from '../migrate/migration.js';
import { readLedger } from '../migrate/schema-check.js';
import { examples } from './examples.js';
import { EXIT } from './exit-code.js';
import { migratorOf, withMemory, withReader } from './migration-connections.js';
import { type MigrationsOption, migrationsOption, readMigrations } from './migration-list.js';
import { Output } from './output.js';
import { type Drift, findDrift } from './schema-drift.js';
import { readSettings } from './settings.js';
import { visible } from './terminal-text.js';

interface Verification {
  readonly applied: readonly string[];
  readonly pending: readonly string[];
  readonly drift: readonly Drift[];
}

/** `pylon-db migrate verify`: exit code 3 when the schema drifted, or migrations are pending. */
export function configure(command: Command): void {
  command
    .addOption(migrationsOption())
    .addHelpText(
      'after',
      examples([['pylon-db migrate verify', 'is every table, index and trigger as migrated?']]),
    )
    .action(async (options: MigrationsOption) => {
      const settings = readSettings(command);
      const list = await readMigrations(options);
      const verification = await withReader(settings.path, (db) => verify(db, list));
      const out = new Output(settings);
      out.result(verification, () => show(verification));
      const { drift, pending } = verification;
      if (drift.length + pending.length === 0) return;
      process.exitCode = EXIT.schema;
      if (drift.length > 0) out.note('Recreate what drifted with the SQL above, or restore a backup.');
      if (pending.length > 0) out.note(`${pending.length} pending. Run \`pylon-db migrate up\`.`);
    });
}

async function verify(db: Database.Database, list: MigrationList): Promise<Verification> {
  const refusal = refusalOf(db, list);
  const rows = refusal === undefined || isPublished(db) ? readLedgerRows(db) : [];
  const applied = rows.map((row) => row.name);
  const known = Object.entries(list).filter(([name]) => applied.includes(name));
  const drift = await withMemory(async (migrated) => {
    await migratorOf(migrated, ':memory:', Object.fromEntries(known)).up();
    return findDrift(db, migrated);
  });
  // Another program's file, or a newer pylon-db's, has not drifted.
  if (refusal !== undefined && drift.length === 0) throw refusal;
  return { applied, pending: Object.keys(list).filter((name) => !applied.includes(name)), drift };
}
