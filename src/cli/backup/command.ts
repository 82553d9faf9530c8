import { existsSync } from 'node:fs';
import { type Command, Help, InvalidArgumentError, Option } from 'commander';
import { type Backup, makeBackup } from '../../backup/backup.js';
import { type Pruned, pruneBackups } from '../../backup/prune.js';
import type { FormerPlace } from '../../backup/whose.js';
import { expandPath } from '../../engine/sqlite/database-file.js';
import { formatBytes } from '../../engine/sqlite/room.js';
import { systemClock } from '../../options.js';
import { badUsage, examples } from '../shell/arguments.js';
import { untilInterrupted } from '../shell/interruption.js';
import { addCommands } from '../shell/lazy-commands.js';
import { Output } from '../shell/output.js';
import { wholeNumber } from '../shell/pages.js';
import { withProgressBar } from '../shell/progress-bar.js';
import { withReadable } from '../shell/readable.js';
import { openToRead } from '../shell/reading.js';
import {
  assertFile,
  defaultBackupFolder,
  readSettings,
  refuseServer,
  type Settings,
} from '../shell/settings.js';
import { counted, formatCount } from '../shell/units.js';
import { countRows, unreadableBackups } from './text.js';

interface BackupCommandOptions {
  readonly keep?: number;
  readonly from?: readonly FormerPlace[];
  readonly force?: boolean;
}

/** The most that `--keep` takes: far more backups than anybody looks through. */
const MOST_KEPT = 1_000_000;

/** `pylon-db backup [DEST]`: a verified copy while others write; `list` and `verify` look at copies. */
export function configure(command: Command): void {
  addCommands(command, [
    ['list', 'the backups of a folder', () => import('./list.js')],
    ['verify', 'read a backup whole and compare it with its manifest', () => import('./verify.js')],
  ]);
  keepOptionsFromSubcommands(command);
  command
    .helpCommand(false)
    .usage('[options] [dest]')
    .argument('[dest]', 'a file, or a folder (default: backups next to the database)')
    .addOption(
      new Option(
        '--keep <n>',
        'keep the newest n backups of this database in that folder; delete older ones',
      ).argParser((text) => wholeNumber(text, 1, MOST_KEPT)),
    )
    .addOption(
      new Option(
        '--from <place>',
        'with --keep: also those made when it was there, as PATH or HOST:PATH (repeatable)',
      ).argParser(addPlace),
    )
    .option('--force', 'replace a file of that name')
    .addHelpText(
      'after',
      examples([
        ['pylon-db backup', 'while anything writes; prints the path of the copy'],
        ['pylon-db backup /mnt/usb/ --keep 7', 'a folder, and never more than seven there'],
        ['pylon-db backup --keep 7 --from /old/pylon.db', 'after it was moved from there'],
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
      const { keep, from = [], force } = options;
      if (keep === undefined && from.length > 0) {
        throw badUsage('--from needs --keep', 'It says which backups --keep counts as well.');
      }
      const out = new Output(settings);
      const made = await withReadable(settings, out, (readable) => makeIt(readable, dest, force));
      const nothing: Pruned = { removed: [], unsure: [], unreadable: [] };
      const pruned = keep === undefined ? nothing : pruneBackups(made, { keep, former: from });
      printReport(out, made, pruned);
    });
}

/** A place as `backup list` shows it: an absolute path, after a host's name or alone. */
function addPlace(text: string, before: readonly FormerPlace[] = []): readonly FormerPlace[] {
  const [, host, path] = /^(?:([^/~]+):)?(.+)$/.exec(text) ?? [];
  if (path === undefined || (host !== undefined && !path.startsWith('/'))) {
    throw new InvalidArgumentError('Give PATH or HOST:PATH, as `backup list` shows it.');
  }
  return [...before, { host, path: expandPath(path) }];
}

/** `--keep`, `--from` and `--force` are of `backup` alone: commander would take them behind `list` as well. */
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
    `'${dest}' is not a command, file name or folder`,
    `Give list, verify, ${dest}.db for a file, or ./${dest}/ for a folder.`,
  );
}

async function makeIt(
  settings: Settings,
  // Of a path that ends in `/` the last folder is created.
  dest = `${defaultBackupFolder(settings)}/`,
  force = false,
): Promise<Backup> {
  return await untilInterrupted((signal) =>
    withProgressBar(settings, async (onProgress) => {
      const options = { onProgress, signal, force };
      const { path, readFrom } = settings;
      if (readFrom !== undefined) {
        // The backup is of the database itself, whatever its bytes were read from.
        const source = { path, readFrom, copyInto: undefined, now: systemClock() };
        return await makeBackup(source, dest, options);
      }
      await using db = await openToRead(path);
      return await db.backup(dest, options);
    }),
  );
}

function printReport(out: Output, { path, manifest }: Backup, pruned: Pruned): void {
  const { removed, unsure, unreadable } = pruned;
  out.result({ path, manifest, pruned: removed, unsure, unreadable }, () => out.path(path));
  out.note(
    `${counted(countRows(manifest), 'row')}, ${formatBytes(manifest.size_bytes)}, verified.`,
  );
  if (unreadable.length > 0) {
    const { problem, hint } = unreadableBackups(unreadable);
    out.report(`${problem}. ${hint}`);
  }
  if (removed.length > 0) out.note(`Removed ${formatCount(removed.length)} older.`);
  if (unsure.length === 0) return;
  out.note(
    `Kept ${formatCount(unsure.length)} that may be another database's: made at another place, or before databases had an identity. \`pylon-db backup list\` shows where; --from PLACE counts a former place of this one.`,
  );
}
