import type { Command } from 'commander';
import { examples } from '../shell/arguments.js';
import { Output } from '../shell/output.js';
import { readSettings } from '../shell/settings.js';
import { type MigrationsOption, migrationsOption, readMigrations } from './list.js';
import { migrationsOf } from './migrations-of.js';

/** `pylon-db migrate redo`: reverts one migration and applies it again, whole or not at all. */
export function configure(command: Command): void {
  command
    .argument('[name]', 'which one (default: the newest that is applied)')
    .addOption(migrationsOption())
    .addHelpText(
      'after',
      examples([
        ['pylon-db migrate redo --migrations ./migrations/index.js', 'after editing the newest'],
      ]),
    )
    .action(async (name: string | undefined, options: MigrationsOption) => {
      const settings = readSettings(command);
      const list = await readMigrations(options);
      const database = await migrationsOf(settings, list);
      const redone = await database.migrate('down', (migrator) => migrator.redo(name));
      const out = new Output(settings);
      out.result(redone, () => redone.map((each) => `reverted and applied ${each}`).join('\n'));
      if (redone.length === 0) out.note('Nothing to redo.');
    });
}
