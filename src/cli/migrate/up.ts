import type { Command } from 'commander';
import type { MigrationList } from '../../migrate/migration.js';
import { badUsage, examples } from '../shell/arguments.js';
import { Output } from '../shell/output.js';
import { readSettings } from '../shell/settings.js';
import type { DatabaseMigrations } from './database.js';
import { type MigrationsOption, migrationsOption, readMigrations } from './list.js';
import { migrationsOf } from './migrations-of.js';

interface UpOptions extends MigrationsOption {
  readonly to?: string;
}

/** `pylon-db migrate up`: applies what is pending; creates a missing database. */
export function configure(command: Command): void {
  command
    .option('--to <name>', 'stop after this migration')
    .addOption(migrationsOption())
    .addHelpText(
      'after',
      examples([
        ['pylon-db migrate up', 'create or update ~/.pylon/pylon.db'],
        ['pylon-db migrate up --to 001_initial_schema', 'only the published schema'],
        ['pylon-db migrate up --migrations ./migrations/index.js', "a service's own as well"],
      ]),
    )
    .action(async (options: UpOptions) => {
      const settings = readSettings(command);
      const list = await readMigrations(options);
      const wanted = namesUpTo(list, options.to);
      const database = await migrationsOf(settings, list);
      const isNew = database.isMissing();
      const out = new Output(settings);
      await up(database, wanted, out);
      // Reported, lest a mistyped path passes for the database.
      if (isNew) out.note(`Created ${settings.path}.`);
    });
}

async function up(
  database: DatabaseMigrations,
  wanted: readonly string[],
  out: Output,
): Promise<void> {
  const applied: string[] = [];
  try {
    await database.migrate('up', async (migrator) => {
      for (const name of await migrator.pending()) {
        if (wanted.includes(name)) applied.push(...(await migrator.up(name)));
      }
    });
  } finally {
    // Those before a failing one stay.
    out.result(applied, () => applied.map((name) => `applied ${name}`).join('\n'));
  }
  if (applied.length === 0) out.note('Nothing to apply.');
}

/** The list's names up to that of `--to`, by default all. Throws for an unknown name. */
function namesUpTo(list: MigrationList, to: string | undefined): readonly string[] {
  const names = Object.keys(list);
  if (to === undefined) return names;
  const index = names.indexOf(to);
  if (index !== -1) return names.slice(0, index + 1);
  throw badUsage(`there is no migration '${to}'`, `Give one of ${names.join(', ')}.`);
}
