import type Database from 'better-sqlite3';
import type { Command } from 'commander';
import { isPylonDbError } from '../errors.js';
import { readLedgerRows } from '../migrate/ledger-rows.js';
import type { MigrationList } from '../migrate/migration.js';
import { INITIAL_MIGRATION, OUR_MIGRATION, readLedger } from '../migrate/schema-check.js';
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
      if (drift.length > 0)
        out.note('Recreate what drifted with the SQL above, or restore a backup.');
      if (pending.length > 0) out.note(`${pending.length} pending. Run \`pylon-db migrate up\`.`);
    });
}

async function verify(db: Database.Database, list: MigrationList): Promise<Verification> {
  const applied = appliedNames(db, list);
  const known = Object.entries(list).filter(([name]) => applied.includes(name));
  const drift = await withMemory(async (migrated) => {
    await migratorOf(migrated, ':memory:', Object.fromEntries(known)).up();
    return findDrift(db, migrated);
  });
  return { applied, pending: Object.keys(list).filter((name) => !applied.includes(name)), drift };
}

/** Throws `SCHEMA_MISMATCH` for another program's file or a newer pylon-db's: they didn't drift. */
function appliedNames(db: Database.Database, list: MigrationList): readonly string[] {
  try {
    return readLedger(db, list, '').applied;
  } catch (error) {
    // A published table or column is missing: that is drift, and told as such.
    const applied = isPylonDbError(error, 'SCHEMA_MISMATCH') ? namesIn(db) : [];
    const newer = applied.some((name) => OUR_MIGRATION.test(name) && !Object.hasOwn(list, name));
    if (newer || !applied.includes(INITIAL_MIGRATION)) throw error;
    return applied;
  }
}

/** None for a ledger that can't be read. */
function namesIn(db: Database.Database): string[] {
  try {
    return readLedgerRows(db).map((row) => row.name);
  } catch {
    return [];
  }
}

function show({ applied, drift }: Verification): string {
  if (drift.length === 0) return `no drift (${applied.length} applied)`;
  return drift.map(showDrift).join('\n');
}

function showDrift({ type, name, problem, expected, found }: Drift): string {
  const lines = [visible(`${type} ${name} ${problem}`)];
  if (expected !== null) lines.push(`  migrated: ${oneLine(expected)}`);
  if (found !== null) lines.push(`  in file:  ${oneLine(found)}`);
  return lines.join('\n');
}

function oneLine(sql: string): string {
  return visible(sql.replace(/\s+/g, ' '));
}
