import type { Command } from 'commander';
import { examples } from '../shell/arguments.js';
import { EXIT } from '../shell/exit-code.js';
import { Output } from '../shell/output.js';
import { readSettings, type Settings } from '../shell/settings.js';
import { table } from '../shell/table.js';
import { formatTime } from '../shell/units.js';
import { isOwn, type MigrationsOption, migrationsOption, readMigrations } from './list.js';
import { readingMigrations } from './migrations-of.js';

/** Whose migration it is: ours, of the file that `--migrations` names, or a stranger's. */
type Owner = 'pylon-db' | 'service' | 'other';

interface Status {
  readonly applied: readonly { name: string; applied_at: number; owner: Owner }[];
  readonly pending: readonly { name: string; owner: Owner }[];
}

/** `pylon-db migrate status`: what is applied, what is pending; exit code 3 when something is. */
export function configure(command: Command): void {
  command
    .addOption(migrationsOption())
    .addHelpText(
      'after',
      examples([['pylon-db migrate status || pylon-db migrate up', 'update when needed']]),
    )
    .action(async (options: MigrationsOption) => {
      const settings = readSettings(command);
      const status = await readStatus(settings, options);
      const out = new Output(settings);
      out.result(status, () => show(out, status));
      if (status.pending.length === 0) return;
      process.exitCode = EXIT.schema;
      out.note(`${status.pending.length} pending. Run \`pylon-db migrate up\`.`);
    });
}

async function readStatus(settings: Settings, options: MigrationsOption): Promise<Status> {
  const list = await readMigrations(options);
  const ownerOf = (name: string): Owner => {
    if (isOwn(name)) return 'pylon-db';
    return Object.hasOwn(list, name) ? 'service' : 'other';
  };
  const { rows, pending } = await readingMigrations(settings, list, (migrations) =>
    migrations.ledger(),
  );
  return {
    applied: rows.map((row) => ({ ...row, owner: ownerOf(row.name) })),
    pending: pending.map((name) => ({ name, owner: ownerOf(name) })),
  };
}

const OWNER: Readonly<Record<Owner, string>> = {
  'pylon-db': 'pylon-db',
  service: 'this service',
  other: 'another program',
};

function show(out: Output, { applied, pending }: Status): string {
  const rows = [
    ...applied.map(({ applied_at, ...row }) => ({ ...row, when: formatTime(applied_at) })),
    ...pending.map((row) => ({ ...row, when: 'pending' })),
  ];
  return table(out, rows, [
    { title: 'migration', cell: (row) => row.name },
    { title: 'applied (UTC)', cell: (row) => row.when },
    { title: 'of', cell: (row) => OWNER[row.owner] },
  ]);
}
