import { type Command, Option } from 'commander';
import { formatBytes } from '../../engine/sqlite/room.js';
import { DEFAULT_BUSY_TIMEOUT_MS } from '../../options.js';
import { examples, secondsAsMs } from '../shell/arguments.js';
import { untilInterrupted } from '../shell/interruption.js';
import { named, otherOpeners } from '../shell/openers.js';
import { Output } from '../shell/output.js';
import { withProgressBar } from '../shell/progress-bar.js';
import { assertFile, readSettings, refuseServer } from '../shell/settings.js';
import { fields } from '../shell/table.js';
import type { DatabaseSizes } from './disk-space.js';
import { runVacuum, type Vacuum } from './file.js';

interface VacuumOptions {
  readonly wait?: number;
}

/** `pylon-db vacuum`: packs the file and refreshes the planner's statistics. */
export function configure(command: Command): void {
  command
    .addOption(
      new Option(
        '--wait <seconds>',
        `wait so long for other processes (default: ${DEFAULT_BUSY_TIMEOUT_MS / 1000})`,
      ).argParser(secondsAsMs),
    )
    .addHelpText(
      'after',
      `${examples([
        ['pylon-db vacuum', 'pack ~/.pylon/pylon.db'],
        ['pylon-db vacuum --wait 60', 'while a node is busy'],
        ['pylon-db vacuum --json', 'bytes before and after, for scripts'],
      ])}\n
While a node runs it waits for its turn; the node's writes wait meanwhile, about a second for
100 MiB. It needs twice the packed size free on the same disk. Stopped at any point, the file is
whole.`,
    )
    .action(async ({ wait = DEFAULT_BUSY_TIMEOUT_MS }: VacuumOptions) => {
      const settings = readSettings(command);
      refuseServer(
        settings,
        'a server vacuums by itself',
        'Let autovacuum run; VACUUM (VERBOSE, ANALYZE) in psql does it at once.',
      );
      assertFile(settings.path);
      const out = new Output(settings);
      const vacuum = await untilInterrupted((signal) =>
        withProgressBar(settings, (onProgress) =>
          runVacuum(settings.path, { busyTimeoutMs: wait, onProgress, signal }),
        ),
      );
      out.result(vacuum, () => text(vacuum));
      if (!vacuum.checkpointed) {
        const openers = named(await otherOpeners(vacuum.path));
        out.note(`The file will shrink once these have ended their reads: ${openers}.`);
      }
    });
}

function text({ path, before, after, freed_bytes, duration_ms }: Vacuum): string {
  const freed = freed_bytes > 0 ? formatBytes(freed_bytes) : 'nothing: it was packed already';
  return fields([
    ['path', path],
    ['before', sizes(before)],
    ['after', sizes(after)],
    ['freed', freed],
    ['took', `${(duration_ms / 1000).toFixed(1)} s`],
  ]);
}

function sizes({ file_bytes, wal_bytes, free_bytes }: DatabaseSizes): string {
  return `${formatBytes(file_bytes)} (${formatBytes(free_bytes)} free) + ${formatBytes(wal_bytes)} in the WAL`;
}
