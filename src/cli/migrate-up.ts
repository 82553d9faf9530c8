import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { startWal } from '../engine/sqlite/open.js';
import type { MigrationList } from '../migrate/migration.js';
import { examples } from './examples.js';
import { connectProps, migratorOf, withWriter } from './migration-connections.js';
import { type MigrationsOption, migrationsOption, readMigrations } from './migration-list.js';
import { Output } from './output.js';
import { assertFileOrMissing, readSettings } from './settings.js';
import { badUsage } from './usage-error.js';

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
      const last = lastOf(list, options.to);
      assertFileOrMissing(settings.path);
      const isNew = !existsSync(settings.path);
      const out = new Output(settings);
      await up(settings.path, list, last, out);
      // Told, lest a mistyped path passes for the database.
      if (isNew) out.note(`Created ${settings.path}.`);
    });
}

async function up(path: string, list: MigrationList, last: number, out: Output): Promise<void> {
  const applied: string[] = [];
  try {
    await withWriter(path, async (db) => {
      const migrator = migratorOf(db, path, list);
      const order = Object.keys(list);
      // Before WAL is turned on: another program's file is refused as it is.
      const pending = (await migrator.pending()).filter((name) => order.indexOf(name) <= last);
      await startWal(db, connectProps(path));
      for (const name of pending) applied.push(...(await migrator.up(name)));
    });
  } finally {
    // Those before a failing one stay.
    out.result(applied, () => applied.map((name) => `applied ${name}`).join('\n'));
  }
  if (applied.length === 0) out.note('Nothing to apply.');
}

/** Where the migration stands that `--to` names, by default the last. Throws for an unknown name. */
function lastOf(list: MigrationList, to: string | undefined): number {
  const names = Object.keys(list);
  if (to === undefined) return names.length - 1;
  const index = names.indexOf(to);
  if (index !== -1) return index;
  throw badUsage(`there is no migration '${to}'`, `Give one of ${names.join(', ')}.`);
}
