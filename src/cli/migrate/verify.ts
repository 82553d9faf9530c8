import type { Command } from 'commander';
import type { Drift } from '../../migrate/drift.js';
import { examples } from '../shell/arguments.js';
import { EXIT } from '../shell/exit-code.js';
import { Output } from '../shell/output.js';
import { readSettings } from '../shell/settings.js';
import { visible } from '../shell/terminal-text.js';
import { type MigrationsOption, migrationsOption, readMigrations } from './list.js';
import { readingMigrations } from './migrations-of.js';

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
      const { applied, drift } = await readingMigrations(settings, list, (migrations) =>
        migrations.verify(),
      );
      const pending = Object.keys(list).filter((name) => !applied.includes(name));
      const verification: Verification = { applied, pending, drift };
      const out = new Output(settings);
      const where = settings.serverUrl === undefined ? 'in file: ' : 'in schema:';
      out.result(verification, () => show(verification, where));
      if (drift.length + pending.length === 0) return;
      process.exitCode = EXIT.schema;
      if (drift.length > 0)
        out.note('Recreate what drifted with the SQL above, or restore a backup.');
      if (pending.length > 0) out.note(`${pending.length} pending. Run \`pylon-db migrate up\`.`);
    });
}

function show({ applied, drift }: Verification, where: string): string {
  if (drift.length === 0) return `no drift (${applied.length} applied)`;
  return drift.map((each) => showDrift(each, where)).join('\n');
}

function showDrift({ type, name, problem, expected, found }: Drift, where: string): string {
  const lines = [visible(`${type} ${name} ${problem}`)];
  if (expected !== null) lines.push(`  migrated: ${oneLine(expected)}`);
  if (found !== null) lines.push(`  ${where} ${oneLine(found)}`);
  return lines.join('\n');
}

function oneLine(sql: string): string {
  return visible(sql.replace(/\s+/g, ' '));
}
