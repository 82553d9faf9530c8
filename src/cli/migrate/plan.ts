import type { Command } from 'commander';
import type { PlannedMigration } from '../../migrate/migration-step.js';
import { examples } from '../shell/arguments.js';
import { Output } from '../shell/output.js';
import { readSettings } from '../shell/settings.js';
import { visible, visibleLines } from '../shell/terminal-text.js';
import { type MigrationsOption, migrationsOption, readMigrations } from './list.js';
import { readingMigrations } from './migrations-of.js';

/** `pylon-db migrate plan`: runs what is pending, notes its SQL, and rolls back. */
export function configure(command: Command): void {
  command
    .addOption(migrationsOption())
    .addHelpText('after', examples([['pylon-db migrate plan', 'read before `migrate up`']]))
    .action(async (options: MigrationsOption) => {
      const settings = readSettings(command);
      const list = await readMigrations(options);
      const planned = await readingMigrations(settings, list, (migrations) =>
        migrations.migrate('plan', (migrator) => migrator.plan()),
      );
      const out = new Output(settings);
      out.result(planned, () => planned.map(show).join('\n\n'));
      if (planned.length === 0) out.note('Nothing is pending.');
    });
}

function show({ name, statements }: PlannedMigration): string {
  const sql = statements.map((statement) => `${visibleLines(statement.trim())};`);
  return [`-- ${visible(name)}`, ...sql].join('\n');
}
