import { existsSync } from 'node:fs';
import { type Command, Help, Option } from 'commander';
import type { Backup } from '../ops/backup/backup.js';
import { pruneBackups } from '../ops/backup/prune.js';
import { counted } from '../ops/counted.js';
import { PylonDb } from '../pylon-db.js';
import { defaultBackupFolder } from './backup-folder.js';
import { countRows } from './backup-rows.js';
import { examples } from './examples.js';
import { untilInterrupted } from './interruption.js';
import { addCommands } from './lazy-commands.js';
import { Output } from './output.js';
import { wholeNumber } from './pages.js';
import { withProgressBar } from './progress-bar.js';
import { assertFile, readSettings, refuseServer, type Settings } from './settings.js';
import { formatBytes, formatCount } from './units.js';
import { badUsage } from './usage-error.js';

interface BackupCommandOptions {
  readonly keep?: number;
  readonly force?: boolean;
}

/** The most that `--keep` takes: far more backups than anybody looks through. */
const MOST_KEPT = 1_000_000;

/** `pylon-db backup [DEST]`: a verified copy beside any writer; `list` and `verify` look at copies. */
export function configure(command: Command): void {
  addCommands(command, [
    ['list', 'the backups of a folder', () => import('./backup-list.js')],
    [
      'verify',
      'read a backup whole and compare it with its manifest',
      () => import('./backup-verify.js'),
    ],
  ]);
  keepOptionsFromSubcommands(command);
  command
    .helpCommand(false)
    .usage('[options] [dest]')
    .argument('[dest]', 'a file, or a folder (default: backups beside the database)')
    .addOption(
      new Option(
        '--keep <n>',
        'then remove the oldest of this database there, so that n are left',
      ).argParser((text) => wholeNumber(text, 1, MOST_KEPT)),
    )
    .option('--force', 'replace a file of that name')
    .addHelpText(
      'after',
      examples([
        ['pylon-db backup', 'while anything writes; prints the path of the copy'],
        ['pylon-db backup /mnt/usb/ --keep 7', 'a folder, and never more than seven there'],
        ['pylon-db backup before-upgrade.db', 'a file of that name'],
        ['pylon-db backup list', 'what there is'],
        ['pylon-db backup verify backups/pylon-….db', 'exit code 4 when it is damaged'],
      ]),
    )
    .action(async (dest: string | undefined, options: BackupCommandOptions) => {
      const settings = readSettings(command);
      refuseServer(
        settings,
        'a server is backed up by its own tools',
        'Use pg_dump, or pg_basebackup with WAL archiving.',
      );
      assertFile(settings.path);
      if (dest !== undefined) refuseMistypedCommand(dest);
      const made = await makeBackup(settings, dest, options.force);
      const pruned = options.keep === undefined ? [] : pruneBackups(made, options.keep);
      tell(new Output(settings), made, pruned);
    });
}

/** `--keep` and `--force` are of `backup` alone: commander would take them behind `list` as well. */
function keepOptionsFromSubcommands(command: Command): void {
  for (const sub of command.commands) {
    sub.configureHelp({
      showGlobalOptions: true,
      visibleGlobalOptions: (shown) =>
        Help.prototype.visibleGlobalOptions
          .call(shown.createHelp(), shown)
          .filter((option) => !command.options.includes(option)),
    });
  }
  command.hook('preSubcommand', (_, sub) => {
    const [option] = Object.keys(command.opts());
    if (option === undefined) return;
    throw badUsage(
      `--${option} doesn't go with \`backup ${sub.name()}\``,
      `See \`pylon-db backup ${sub.name()} --help\`.`,
    );
  });
}

/** A word alone is seldom a file's name: `backup lst` must not make a backup of that name. */
function refuseMistypedCommand(dest: string): void {
  if (!/^\w+$/.test(dest) || existsSync(dest)) return;
  throw badUsage(
    `'${dest}' is no command, file name or folder`,
    `Give list, verify, ${dest}.db for a file, or ./${dest}/ for a folder.`,
  );
}

async function makeBackup(
  settings: Settings,
  // Of a path that ends in `/` the last folder is created.
  dest = `${defaultBackupFolder(settings)}/`,
  force = false,
): Promise<Backup> {
  await using db = await PylonDb.open(settings.path, { readonly: true });
  return await untilInterrupted((signal) =>
    withProgressBar(settings, (onProgress) => db.backup(dest, { onProgress, signal, force })),
  );
}

function tell(out: Output, { path, manifest }: Backup, pruned: readonly string[]): void {
  out.result({ path, manifest, pruned }, () => out.path(path));
  out.note(
    `${counted(countRows(manifest), 'row')}, ${formatBytes(manifest.size_bytes)}, verified.`,
  );
  if (pruned.length > 0) out.note(`Removed ${formatCount(pruned.length)} older.`);
}
