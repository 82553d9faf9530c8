import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { type DatabasePlace, namedDatabase } from '../../named-database.js';
import { type MigrationsOption, migrationsOption, readMigrations } from '../migrate/list.js';
import { badUsage, examples } from '../shell/arguments.js';
import { untilInterrupted } from '../shell/interruption.js';
import { Output } from '../shell/output.js';
import { withProgressBar } from '../shell/progress-bar.js';
import { withReadable } from '../shell/readable.js';
import { assertFile, assertFileOrMissing, readSettings, type Settings } from '../shell/settings.js';
import { counted } from '../shell/units.js';
import type { CopyProps, CopyReport } from './copy.js';
import { namesOf } from './sides.js';

interface CopyOptions extends MigrationsOption {
  readonly from: string;
  readonly to: string;
  readonly publishedOnly?: boolean;
}

/** `pylon-db copy --from SRC --to DEST`: a file to a server, back, or between two of a kind. */
export function configure(command: Command): void {
  command
    .requiredOption('--from <database>', 'a file, or the URL of a server')
    .requiredOption('--to <database>', 'a new or empty file, or a schema of a server without rows')
    .addOption(migrationsOption())
    .option('--published-only', "leave a service's own tables, columns and migrations behind")
    .addHelpText(
      'after',
      `${examples([
        [
          'pylon-db copy --from ~/.pylon/pylon.db --to postgres://pylon@db.lan/fleet',
          'from one machine to a server',
        ],
        ['pylon-db copy --from postgres://pylon@db.lan/fleet --to pylon.db', 'and back'],
        [
          'pylon-db copy --from pylon.db --to new.db --migrations migrations/index.js',
          "with the service's own tables",
        ],
        ['pylon-db copy --from pylon.db --to new.db --json', 'with checksums, for scripts'],
      ])}\n
All or nothing: jobs, earnings, agents and ticks as they were at one moment, with their ids, times
and preimages, while others write. The destination is migrated first, and has to be without rows. What
it stored is read back and compared with what was read, by count and checksum, before it is
committed: killed at any time, it holds no rows. A file that was created is then left, migrated.
A row that can't be stored is reported with its table and key, and nothing is copied: \`pylon-db check\`
finds such rows. Ids of ticks go on behind the highest that the source ever gave.

A service's own tables and columns come along with --migrations: the destination gets those of its
migrations that the source has, and every table and column that they make. A virtual table, one
WITHOUT ROWID, and a column of another type in the destination (integers, text, reals, BLOBs and
booleans are the same everywhere) are refused by name. A destination in which such a migration has
put rows already, when a copy failed, is not empty: give a new one. Without it, a source with more than the
published tables is refused, naming what would stay behind; with --published-only that stays behind,
and one line on stderr says what, also with --quiet. A checksum is the sum
of the SHA-256 of each row as a line of PostgreSQL's COPY, modulo 2^256: the order doesn't matter.

Others see the URL in the list of processes: keep the password in PGPASSWORD or ~/.pgpass.`,
    )
    .action(async ({ from, to, publishedOnly = false, ...option }: CopyOptions) => {
      const settings = readSettings(command);
      const source = placeOf(from, '--from');
      const destination = placeOf(to, '--to');
      if (source.serverUrl === undefined) assertFile(source.path, '--from');
      if (destination.serverUrl === undefined) assertFileOrMissing(destination.path);
      if (publishedOnly && option.migrations !== undefined) {
        throw badUsage(
          '--migrations and --published-only exclude each other',
          'Give --migrations to take all along, or --published-only to leave it behind.',
        );
      }
      const props = { publishedOnly, list: await readMigrations(option) };
      const out = new Output(settings);
      const start = performance.now();
      const report = await withReadable({ ...settings, ...source }, out, ({ readFrom }) => {
        const readable = readFrom === undefined ? source : { ...source, path: readFrom };
        return copyTelling(settings, readable, destination, props);
      });
      printReport(out, source, destination, report, performance.now() - start);
    });
}

/** Copies, and reports a file that was created, also when it then stays empty. */
async function copyTelling(
  settings: Settings,
  source: DatabasePlace,
  destination: DatabasePlace,
  props: Pick<CopyProps, 'publishedOnly' | 'list'>,
): Promise<CopyReport> {
  const out = new Output(settings);
  const { copyDatabase } = await import('./copy.js');
  const { path, serverUrl } = destination;
  const isNew = serverUrl === undefined && !existsSync(path);
  try {
    const report = await untilInterrupted((signal) =>
      withProgressBar(settings, (onProgress) =>
        copyDatabase(source, destination, { ...props, onProgress, signal }),
      ),
    );
    if (isNew) out.note(`Created ${path}.`);
    return report;
  } catch (error) {
    // Under --json the error stands alone.
    if (isNew && existsSync(path) && !settings.json) out.note(`Created ${path}, without rows.`);
    throw error;
  }
}

function placeOf(database: string, option: string): DatabasePlace {
  // An option that swallowed the next one, or an empty variable in a script.
  if (database === '' || database.startsWith('-')) {
    throw badUsage(
      `${option} needs a file or the URL of a server`,
      'Write ./-name for a name like an option.',
    );
  }
  return namedDatabase(database, option);
}

function printReport(
  out: Output,
  from: DatabasePlace,
  to: DatabasePlace,
  { tables, leftBehind }: CopyReport,
  durationMs: number,
): void {
  const sums = Object.entries(tables);
  const rows = sums.reduce((sum, [, table]) => sum + table.rows, 0);
  out.result(
    {
      from: from.path,
      to: to.path,
      tables,
      left_behind: leftBehind,
      duration_ms: Math.round(durationMs),
    },
    () => sums.map(([name, sum]) => `${name.padEnd(12)}  ${sum.checksum}  ${sum.rows}`).join('\n'),
  );
  out.note(`${counted(rows, 'row')} in ${(durationMs / 1000).toFixed(1)} s, compared.`);
  const named = namesOf(leftBehind);
  if (named !== '') out.report(`Not copied: ${named}.`);
}
