import { realpathSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { OWN_OBJECTS } from '../../../generated/own-objects.js';
import { migrations } from '../../../migrations/index.js';
import { lookTwice } from '../../backup/second-look.js';
import { findFileDrift } from '../../migrate/file-drift.js';
import { INITIAL_MIGRATION } from '../../migrate/migration-names.js';
import { isRepairable } from '../../migrate/own-objects.js';
import { DEFAULT_BUSY_TIMEOUT_MS, systemClock } from '../../options.js';
import { withSnapshot } from '../export/snapshot.js';
import { examples } from '../shell/arguments.js';
import { untilInterrupted } from '../shell/interruption.js';
import { Output } from '../shell/output.js';
import { withProgressBar } from '../shell/progress-bar.js';
import { withReadable } from '../shell/readable.js';
import { assertFile, defaultBackupFolder, readSettings, type Settings } from '../shell/settings.js';
import { type CheckReport, checkDatabase } from './file.js';
import type { Finding } from './finding.js';
import { checkPermissions } from './permissions.js';
import { driftFound, emptyDatabaseFound } from './schema-findings.js';
import type { ServerCheckReport } from './server.js';
import { checkTriggers } from './structure.js';
import {
  type CheckAnswer,
  exitCodeOfFindings,
  findingsLine,
  showCheck,
  showServerCheck,
} from './text.js';

interface CheckFlags {
  readonly quick?: boolean;
  readonly full?: boolean;
  readonly repair?: boolean;
}

/** `pylon-db check`: looks for damage and wrong sums; exit code 4 when it is. */
export function configure(command: Command): void {
  command
    .addOption(
      new Option('--quick', 'only the structure of the file').conflicts(['full', 'repair']),
    )
    .option('--full', 'also the size of each table and index')
    .option(
      '--repair',
      'make our own objects again, count wrong rollups anew, and take the files from group and others',
    )
    .addHelpText(
      'after',
      `${examples([
        ['pylon-db check', 'is all of it sound?'],
        ['pylon-db check --quiet > /dev/null', 'for cron: one line on stderr, if any'],
        ['pylon-db check --repair', 'repair what is safe to repair'],
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
  triggers           those of other programs: every writer runs them
  backups            a folder, or a backup in it, that this user can't look into

--quick reads the structure of each page (quick_check) and leaves out the comparison of indexes,
and everything that reads rows: foreign-keys to values. Every check runs while others write and sees
the file in one state; the WAL can't be emptied meanwhile. --repair makes the triggers, indexes and
tables of pylon-db and the published indexes again where they are missing, counts wrong rollups,
repairs file-modes, changes no row, and lets writers wait meanwhile.

Exit code 4 is for damage, missing parents, wrong sums and values that no call can read; 3 for a
schema that isn't as migrated. All else is a note, with exit code 0: what other programs may store,
such as ticks that nobody counted or a job that is paid in advance. What is found is also reported in
one line on stderr, with --quiet too, so that cron mails it. Pending migrations are not findings.

On a server it looks for the same wrong rows and drift, and for
  indexes            an index that isn't valid: no query uses it
  constraints        a constraint that older rows were never compared with
What the server itself takes care of is left out: pages (pg_amcheck), foreign keys, rollups, which
are views, and rights on files. To compare the schema, the role needs the right to create one; it
is rolled back. There --repair makes the views, indexes and tables of pylon-db and the published
indexes again, in one transaction, as a role that owns the tables; an index lets writers of its
table wait while it is built.`,
    )
    .action(async (flags: CheckFlags) => {
      const settings = readSettings(command);
      const out = new Output(settings);
      const answer = await (settings.serverUrl === undefined
        ? checkFile(settings, flags, out)
        : checkServer(settings, settings.serverUrl, flags, out));
      const line = findingsLine(answer);
      if (line !== undefined) out.report(line);
      process.exitCode = exitCodeOfFindings(answer.findings);
    });
}

async function checkFile(settings: Settings, flags: CheckFlags, out: Output): Promise<CheckAnswer> {
  assertFile(settings.path);
  // As others left them: opening the file may change the rights of its sidecars.
  const permissions = checkPermissions(realpathSync(settings.path));
  // What a copy lacks can't be repaired there: the file's own error says what is in the way.
  const answer = flags.repair
    ? await answerOf(settings, permissions, flags)
    : await withReadable(settings, out, (readable) => answerOf(readable, permissions, flags));
  out.result(answer, () => showCheck(answer));
  return answer;
}

async function checkServer(
  settings: Settings,
  url: string,
  flags: CheckFlags,
  out: Output,
): Promise<ServerCheckReport> {
  const { checkServer } = await import('./server.js');
  const report = await withProgressBar(settings, (onProgress) =>
    checkServer(url, { depth: depthOf(flags), repair: flags.repair ?? false, onProgress }),
  );
  const answer = { ok: isOk(report.findings), ...report };
  out.result(answer, () => showServerCheck(answer));
  return answer;
}

async function answerOf(
  settings: Settings,
  permissions: readonly Finding[],
  flags: CheckFlags,
): Promise<CheckAnswer> {
  const report = await untilInterrupted((signal) =>
    withProgressBar(settings, (onProgress) =>
      checkDatabase(settings.path, {
        depth: depthOf(flags),
        repair: flags.repair ?? false,
        readFrom: settings.readFrom,
        permissions,
        busyTimeoutMs: DEFAULT_BUSY_TIMEOUT_MS,
        backupFolder: defaultBackupFolder(settings),
        now: systemClock(),
        onProgress,
        signal,
      }),
    ),
  );
  const { path, database } = report;
  const applied = database?.applied_migrations;
  const schema = applied === undefined ? [] : await schemaOf(settings.readFrom ?? path, applied);
  // A missing trigger is why a rollup is wrong, and damage why anything is.
  const found = [...report.findings.filter(isDamage), ...schema].concat(
    report.findings.filter((finding) => !isDamage(finding)),
  );
  const findings = [...found.filter(isNoNote), ...found.filter((finding) => !isNoNote(finding))];
  return { ok: isOk(findings), ...report, findings };
}

/** What of the schema is not as the applied migrations made it, of those that we know. */
async function schemaOf(path: string, applied: readonly string[]): Promise<readonly Finding[]> {
  if (!applied.includes(INITIAL_MIGRATION)) return emptyDatabaseFound();
  const look = () =>
    withSnapshot(path, async (db) => {
      const drift = await findFileDrift(db, migrations, applied);
      const found = driftFound(drift, (each) => isRepairable(OWN_OBJECTS, each));
      return [...found, ...checkTriggers(db)];
    });
  return (await lookTwice([path], look)).found;
}

function isDamage({ severity }: Finding): boolean {
  return severity === 'damage';
}

function isNoNote({ severity }: Finding): boolean {
  return severity !== 'note';
}

function isOk(findings: readonly Finding[]): boolean {
  return !findings.some(isNoNote);
}

function depthOf({ quick = false, full = false }: CheckFlags): CheckReport['depth'] {
  if (quick) return 'quick';
  return full ? 'full' : 'default';
}
