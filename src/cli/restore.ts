import type { Command } from 'commander';
import { expandPath } from '../engine/sqlite/database-file.js';
import type { RestoreRecord } from '../ops/restore/record.js';
import { type Restored, restoreDatabase } from '../ops/restore/restore.js';
import { systemClock } from '../options.js';
import { rowsToTell } from './backup-rows.js';
import { examples } from './examples.js';
import { untilInterrupted } from './interruption.js';
import { Output } from './output.js';
import { withProgressBar } from './progress-bar.js';
import { assertFileOrMissing, readSettings, refuseServer } from './settings.js';
import { fields } from './table.js';
import { formatCount, formatTime } from './units.js';

interface RestoreOptions {
  readonly dryRun?: boolean;
  readonly force?: boolean;
}

/** `pylon-db restore FILE`: puts a backup in the place of the database, whole or not at all. */
export function configure(command: Command): void {
  command
    .argument('<file>', 'a backup, with its manifest beside it')
    .option('--dry-run', 'check everything, and change nothing')
    .option('--force', 'also a file without manifest, or with triggers that the database lacks')
    .addHelpText(
      'after',
      `${examples([
        ['pylon-db backup list', 'what can be restored'],
        ['pylon-db restore ~/.pylon/backups/pylon-….db --dry-run', 'look first'],
        ['pylon-db restore ~/.pylon/backups/pylon-….db', 'with every program stopped'],
        ['pylon-db restore ~/.pylon/pylon.db.before-restore-…', 'undo it: the safety copy'],
      ])}\n
It refuses while another process has the database open (exit code 5), keeps a safety copy of what
was there, and moves a damaged database aside. Interrupted at any point, the database is the old or
the new one, whole.`,
    )
    .action(async (file: string, { dryRun = false, force = false }: RestoreOptions) => {
      const settings = readSettings(command);
      refuseServer(
        settings,
        'a server is restored by its own tools',
        'Use pg_restore for a dump, or point-in-time recovery from pg_basebackup and the WAL.',
      );
      assertFileOrMissing(settings.path);
      const restored = await untilInterrupted((signal) =>
        withProgressBar(settings, (onProgress) =>
          restoreDatabase({
            path: settings.path,
            backup: expandPath(file),
            now: systemClock(),
            force,
            dryRun,
            onProgress,
            signal,
          }),
        ),
      );
      const out = new Output(settings);
      out.result(restored, () => show(restored));
      if (restored.last !== undefined) out.note(lastLine(restored.last));
      if (dryRun) out.note('Nothing was changed: this was a dry run.');
    });
}

function show(restored: Restored): string {
  const { manifest, moved_aside = [], problem, safety_copy } = restored;
  return fields([
    [restored.dry_run ? 'would restore' : 'restored', restored.backup],
    ['to', restored.path],
    ['made (UTC)', formatTime(manifest.created_at)],
    ...rowsToTell(manifest).map(([table, count]) => [`  ${table}`, formatCount(count)] as const),
    ['there before', problem === undefined ? restored.replaced : `damaged: ${problem}`],
    ...(safety_copy === undefined ? [] : [['kept as', safety_copy] as const]),
    ...moved_aside.map((path) => ['moved to', path] as const),
    ['took', formatSeconds(restored.duration_ms)],
  ]);
}

function lastLine({ backup, started_at, outcome, duration_ms }: RestoreRecord): string {
  const took = duration_ms === undefined ? '' : ` after ${formatSeconds(duration_ms)}`;
  return `The restore before this one: ${backup}, ${formatTime(started_at)} UTC, ${outcome}${took}.`;
}

const formatSeconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
