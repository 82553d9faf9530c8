import { type Command, Option } from 'commander';
import { type CheckReport, checkDatabase } from '../ops/check/check.js';
import type { Finding } from '../ops/check/finding.js';
import { DEFAULT_BUSY_TIMEOUT_MS, systemClock } from '../options.js';
import { defaultBackupFolder } from './backup-folder.js';
import { checkSchema } from './check-schema.js';
import { type CheckAnswer, showCheck } from './check-text.js';
import { examples } from './examples.js';
import { EXIT } from './exit-code.js';
import { untilInterrupted } from './interruption.js';
import { Output } from './output.js';
import { withProgressBar } from './progress-bar.js';
import { assertFile, readSettings, type Settings } from './settings.js';

interface CheckFlags {
  readonly quick?: boolean;
  readonly full?: boolean;
  readonly repair?: boolean;
}

/** `pylon-db check`: looks for damage and wrong sums; exit code 4 when something is found. */
export function configure(command: Command): void {
  command
    .addOption(
      new Option('--quick', 'only the structure of the file').conflicts(['full', 'repair']),
    )
    .option('--full', 'also the size of each table and index')
    .option('--repair', 'count wrong rollups anew, and take the files from group and others')
    .addHelpText(
      'after',
      `${examples([
        ['pylon-db check', 'is all of it sound?'],
        ['pylon-db check --quick --quiet || echo damaged', 'in scripts'],
        ['pylon-db check --repair', 'mend what is safe to mend'],
        ['pylon-db check --full --json', 'everything, for scripts'],
      ])}\n
Checks:
  integrity          SQLite's integrity_check: pages, and each index against its table
  foreign-keys       rows whose parent is missing
  rollups            totals that triggers keep, against the rows
  paid-jobs          earnings of source job whose job isn't completed
  repeated-payments  a payment_hash that is counted twice
  tick-counts        agents that count fewer ticks than are stored
  values             what no writer should have stored: fractions, negative amounts, broken JSON
  file-modes         files that group or others may read; also folder-mode and file-owners
  schema             tables, indexes and triggers not as migrated

--quick reads the structure of each page (quick_check) and leaves out the comparison of indexes,
and everything that reads rows: foreign-keys to values. Every check runs beside writers and sees
the file in one state; the WAL can't be emptied meanwhile. --repair mends rollups and file-modes,
changes no row, and lets writers wait while it counts. Exit code 4 means that something is left to
mend; pending migrations are told, and are no finding.`,
    )
    .action(async (flags: CheckFlags) => {
      const settings = readSettings(command);
      assertFile(settings.path);
      const report = await check(settings, flags);
      const out = new Output(settings);
      out.result(report, () => showCheck(report));
      if (report.findings.length > 0) process.exitCode = EXIT.integrity;
    });
}

async function check(settings: Settings, flags: CheckFlags): Promise<CheckAnswer> {
  const report = await untilInterrupted((signal) =>
    withProgressBar(settings, (onProgress) =>
      checkDatabase(settings.path, {
        depth: depthOf(flags),
        repair: flags.repair ?? false,
        busyTimeoutMs: DEFAULT_BUSY_TIMEOUT_MS,
        backupFolder: defaultBackupFolder(settings),
        now: systemClock(),
        onProgress,
        signal,
      }),
    ),
  );
  const { path, database } = report;
  const schema = database === null ? [] : await checkSchema(path, database.applied_migrations);
  // A missing trigger is why a rollup is wrong, and damage why anything is.
  const findings = [...report.findings.filter(isDamage), ...schema].concat(
    report.findings.filter((finding) => !isDamage(finding)),
  );
  return { ok: findings.length === 0, ...report, findings };
}

function isDamage({ severity }: Finding): boolean {
  return severity === 'damage';
}

function depthOf({ quick = false, full = false }: CheckFlags): CheckReport['depth'] {
  if (quick) return 'quick';
  return full ? 'full' : 'default';
}
