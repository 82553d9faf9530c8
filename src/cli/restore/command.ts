import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { expandPath } from '../../engine/sqlite/database-file.js';
import { systemClock } from '../../options.js';
import { rowsToTell } from '../backup/text.js';
import { examples } from '../shell/arguments.js';
import { untilInterrupted } from '../shell/interruption.js';
import { named } from '../shell/openers.js';
import { Output } from '../shell/output.js';
import { withProgressBar } from '../shell/progress-bar.js';
import { withReadable } from '../shell/readable.js';
import {
  assertFileOrMissing,
  readSettings,
  refuseServer,
  type Settings,
} from '../shell/settings.js';
import { fields } from '../shell/table.js';
import { counted, formatCount, formatTime } from '../shell/units.js';
import { type Restored, restoreDatabase } from './file.js';
import { wayOut } from './in-use.js';
import type { LaterRows } from './later-rows.js';
import type { Kept, RestoreRecord } from './record.js';

interface RestoreOptions {
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly replaceOther?: boolean;
}

/** `pylon-db restore FILE`: puts a backup in the place of the database, whole or not at all. */
export function configure(command: Command): void {
  command
    .argument('<file>', 'a backup, with its manifest next to it')
    .option('--dry-run', 'check everything, also while services run, and change nothing')
    .option('--force', 'also a file without manifest, or with triggers that the database lacks')
    .option('--replace-other', 'also a backup of another database, over rows of this one')
    .addHelpText(
      'after',
      `${examples([
        ['pylon-db backup list', 'what can be restored'],
        ['pylon-db restore ~/.pylon/backups/pylon-….db --dry-run', 'look first'],
        ['pylon-db restore ~/.pylon/backups/pylon-….db', 'with every program stopped'],
        ['pylon-db restore ~/.pylon/pylon.db.before-restore-…', 'undo it: the safety copy'],
      ])}\n
It refuses while another process has the database open (exit code 5), keeps a safety copy of what
was there, naming it and how many rows of it the backup lacks before anything is changed, and moves a
damaged database aside. Interrupted at any point, the database is the old or
the new one, whole.`,
    )
    .action(async (file: string, options: RestoreOptions) => {
      const { dryRun = false, force = false, replaceOther = false } = options;
      const settings = readSettings(command);
      refuseServer(
        settings,
        'a server is restored by its own tools',
        'Use pg_restore for a dump, or point-in-time recovery from pg_basebackup and the WAL.',
      );
      assertFileOrMissing(settings.path);
      const out = new Output(settings);
      const run = async ({ path, readFrom }: Settings) =>
        await untilInterrupted((signal) =>
          withProgressBar(settings, (onProgress, clear) =>
            restoreDatabase({
              path,
              readFrom,
              backup: expandPath(file),
              now: systemClock(),
              force,
              replaceOther,
              dryRun,
              onProgress,
              onKept(kept) {
                clear();
                out.note(keptLine(kept));
              },
              signal,
            }),
          ),
        );
      // What is there can't be replaced without room; it can be looked at.
      const restored = await (dryRun && existsSync(settings.path)
        ? withReadable(settings, out, run)
        : run(settings));
      out.result(restored, () => show(restored));
      if (restored.last !== undefined) out.note(lastLine(restored.last));
      if (dryRun) out.note(dryRunLine(restored));
    });
}

function keptLine({
  safety_copy,
  moved_aside = [],
  later,
}: Kept & Pick<Restored, 'later'>): string {
  const lost = later === undefined ? '' : ` Not in the backup: ${laterLine(later)}.`;
  return `What is there is kept as ${safety_copy ?? moved_aside.join(', ')}.${lost}`;
}

/** What is in the database and not, or otherwise, in the backup. */
function laterLine(later: LaterRows): string {
  const rows = [
    counted(later.jobs, 'job'),
    counted(later.earnings, 'earning'),
    counted(later.ticks, 'tick'),
  ].filter((text) => !text.startsWith('0 '));
  return rows.join(', ') || 'no job, earning or tick';
}

function dryRunLine({ path, openers }: Restored): string {
  const done = 'Nothing was changed: this was a dry run.';
  return openers.length === 0
    ? done
    : `${done} A restore has to wait while the database is open in ${named(openers)}. ${wayOut(path, openers)}`;
}

function show(restored: Restored): string {
  const { manifest, moved_aside = [], problem, safety_copy, later } = restored;
  return fields([
    [restored.dry_run ? 'would restore' : 'restored', restored.backup],
    ['to', restored.path],
    ['made (UTC)', formatTime(manifest.created_at)],
    ...rowsToTell(manifest).map(([table, count]) => [`  ${table}`, formatCount(count)] as const),
    ['there before', problem === undefined ? restored.replaced : `damaged: ${problem}`],
    ...(later === undefined ? [] : [['not in it', laterLine(later)] as const]),
    ...(restored.dry_run ? [['open in', openIn(restored.openers)] as const] : []),
    ...(restored.dry_run && later !== undefined
      ? [['to be kept as', `${restored.path}.before-restore-TIME`] as const]
      : []),
    ...(safety_copy === undefined ? [] : [['kept as', safety_copy] as const]),
    ...moved_aside.map((path) => ['moved to', path] as const),
    ['took', formatSeconds(restored.duration_ms)],
  ]);
}

function lastLine({ backup, started_at, outcome, duration_ms, ...kept }: RestoreRecord): string {
  const took = duration_ms === undefined ? '' : ` after ${formatSeconds(duration_ms)}`;
  return `The restore before this one: ${backup}, ${formatTime(started_at)} UTC, ${outcome}${took}.${outcome === 'interrupted' && kept.safety_copy ? ` What it replaced is ${kept.safety_copy}.` : ''}`;
}

const openIn = (openers: Restored['openers']) =>
  openers.length === 0 ? 'no other process' : named(openers);

const formatSeconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
