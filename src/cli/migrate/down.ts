import { type Command, Option } from 'commander';
import { badUsage, examples } from '../shell/arguments.js';
import { Output } from '../shell/output.js';
import { wholeNumber } from '../shell/pages.js';
import { readSettings } from '../shell/settings.js';
import { type MigrationsOption, migrationsOption, readMigrations } from './list.js';
import { migrationsOf } from './migrations-of.js';

interface DownOptions extends MigrationsOption {
  readonly steps?: number;
}

/** More steps than anybody has migrations: a slip of the finger. */
const MAX_STEPS = 1000;

/** `pylon-db migrate down [NAME]`: reverts the newest migrations, or one; none when one can't be reverted. */
export function configure(command: Command): void {
  command
    .argument('[name]', 'this one alone, whatever was applied after it (default: the newest)')
    .addOption(
      new Option('--steps <n>', 'how many to revert (default: 1)').argParser((text) =>
        wholeNumber(text, 1, MAX_STEPS),
      ),
    )
    .addOption(migrationsOption())
    .addHelpText(
      'after',
      examples([
        ['pylon-db migrate down', 'revert the newest migration'],
        ['pylon-db migrate down --steps 2', 'the two newest'],
        ['pylon-db migrate down 101_invoices --migrations FILE', 'one of your own'],
      ]),
    )
    .action(async (name: string | undefined, { steps, ...options }: DownOptions) => {
      const settings = readSettings(command);
      if (name !== undefined && steps !== undefined) {
        throw badUsage('--steps counts the newest, and a name is one', 'Give one of the two.');
      }
      const list = await readMigrations(options);
      const database = await migrationsOf(settings, list);
      const which = name ?? steps ?? 1;
      const reverted = await database.migrate('down', (migrator) => migrator.down(which));
      const out = new Output(settings);
      out.result(reverted, () => reverted.map((name) => `reverted ${name}`).join('\n'));
      if (reverted.length === 0) out.note('Nothing to revert.');
    });
}
