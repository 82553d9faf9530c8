import { formatBytes } from '../../engine/sqlite/room.js';
import { EXIT } from '../shell/exit-code.js';
import { named } from '../shell/openers.js';
import { fields } from '../shell/table.js';
import { visible } from '../shell/terminal-text.js';
import { counted, formatCount, formatTime } from '../shell/units.js';
import type { ObjectSize } from './database-facts.js';
import type { CheckReport } from './file.js';
import type { Finding, Severity } from './finding.js';
import type { ServerCheckReport } from './server.js';

/** The answer of the command: what was found, the schema included. */
export interface CheckAnswer extends CheckReport {
  readonly ok: boolean;
}

type Field = readonly [label: string, value: string];

/** What a check of a file found, for people: one line per fact, and a block a finding. */
export function showCheck(answer: CheckAnswer): string {
  return show(factsOf(answer), (answer.database?.objects ?? []).map(objectField), answer.findings);
}

/** What a check of a server found, in the same form. */
export function showServerCheck(answer: ServerCheckReport): string {
  const objects = (answer.database.objects ?? []).map(
    ({ name, type, bytes }): Field => [`${type} ${visible(name)}`, formatBytes(bytes)],
  );
  return show(serverFactsOf(answer), objects, answer.findings);
}

function show(
  facts: readonly Field[],
  objects: readonly Field[],
  findings: readonly Finding[],
): string {
  const blocks = objects.length === 0 ? [facts] : [facts, objects];
  return [...blocks.map((block) => fields(block)), ...findings.map(showFinding)].join('\n\n');
}

/** A finding for people: a line that says what, a line per row, a line that says how to fix it. */
function showFinding({ check, severity, problem, rows, count, mend }: Finding): string {
  const more = count - rows.length;
  return [
    `${MARKS[severity]}${check}: ${visible(problem)}`,
    ...rows.map((row) => `  ${visible(row)}`),
    ...(more > 0 ? [`  and ${formatCount(more)} more`] : []),
    `  Fix: ${visible(mend)}`,
  ].join('\n');
}

/** What was found in one line, for stderr; `undefined` for nothing. */
export function findingsLine({ path, findings }: FoundAt): string | undefined {
  if (findings.length === 0) return undefined;
  const found = findings.map(({ check, severity, problem }) => {
    return `${MARKS[severity]}${check}: ${problem}`;
  });
  return `${path}: ${found.join('; ')}. \`pylon-db check\` shows the rows and what to do.`;
}

interface FoundAt {
  readonly path: string;
  readonly findings: readonly Finding[];
}

const MARKS: Readonly<Record<Severity, string>> = { damage: 'DAMAGE ', wrong: '', note: 'note: ' };

/** The outcome in a few words. */
function resultLine(findings: readonly Finding[]): string {
  const notes = findings.filter(({ severity }) => severity === 'note').length;
  const toRepair = findings.length - notes;
  const parts = [
    ...(toRepair === 0 ? ['ok'] : [`${formatCount(toRepair)} to repair`]),
    ...(notes === 0 ? [] : [counted(notes, 'note')]),
  ];
  return `${parts.join(', ')}${findings.length === 0 ? '' : ', see below'}`;
}

/** 4 for damage, wrong sums and rows that can't be read; 3 for a schema that isn't as migrated. */
export function exitCodeOfFindings(findings: readonly Finding[]): number {
  const wrong = findings.filter(({ severity }) => severity !== 'note');
  if (wrong.length === 0) return EXIT.ok;
  return wrong.every(({ check }) => check === 'schema') ? EXIT.schema : EXIT.integrity;
}

function factsOf(answer: CheckAnswer): Field[] {
  const { findings, path, skipped, repaired, duration_ms, openers } = answer;
  return [
    ['result', resultLine(findings)],
    ...repaired.map((what): Field => ['repaired', what]),
    ['path', path],
    ...sizeFields(answer),
    ...databaseFields(answer),
    ['open in', openers.length === 0 ? 'no other process' : named(openers)],
    ['last backup', backupLine(answer)],
    ['last restore', restoreLine(answer)],
    ...skippedFields(skipped),
    ['took', `${(duration_ms / 1000).toFixed(1)} s`],
  ];
}

function serverFactsOf(answer: ServerCheckReport): Field[] {
  const { path, findings, skipped, repaired, sizes, database, versions, duration_ms } = answer;
  const { applied_migrations: applied, pending_migrations: pending } = database;
  const { pylon_db, pg, node } = versions;
  return [
    ['result', resultLine(findings)],
    ...repaired.map((what): Field => ['repaired', what]),
    ['path', path],
    ['schema', visible(database.schema ?? 'none of the search path is there')],
    [
      'size',
      `${formatBytes(sizes.schema_bytes)} of ${formatBytes(sizes.database_bytes)} in the database`,
    ],
    ['migrations', `${formatCount(applied.length)} applied, ${pendingLine(pending)}`],
    ['versions', `pylon-db ${pylon_db}, PostgreSQL ${database.postgres}, pg ${pg}, Node ${node}`],
    [
      'role',
      `${visible(database.role)}${database.superuser ? ', a superuser: a service needs none' : ''}`,
    ],
    ['connections', `${database.connections} of ${database.max_connections}`],
    ['checksums', database.data_checksums ? 'on' : 'off: damaged pages go unnoticed'],
    ...(database.standby ? [['standby', 'it follows another server'] as const] : []),
    ...skippedFields(skipped),
    ['took', `${(duration_ms / 1000).toFixed(1)} s`],
  ];
}

function sizeFields({ sizes }: CheckAnswer): Field[] {
  const free = sizes.free_bytes === null ? '' : ` (${formatBytes(sizes.free_bytes)} free)`;
  return [
    [
      'size',
      `${formatBytes(sizes.file_bytes)}${free} + ${formatBytes(sizes.wal_bytes)} in the WAL`,
    ],
    ['free disk', formatBytes(sizes.disk_free_bytes)],
  ];
}

function objectField({ name, type, bytes, unused_bytes }: ObjectSize): Field {
  return [
    `${type} ${visible(name)}`,
    `${formatBytes(bytes)} (${formatBytes(unused_bytes)} unused)`,
  ];
}

function databaseFields({ database, versions }: CheckAnswer): Field[] {
  const { pylon_db, better_sqlite3, node } = versions;
  const sqlite = database === null ? '' : `SQLite ${database.sqlite}, `;
  const made = `pylon-db ${pylon_db}, ${sqlite}better-sqlite3 ${better_sqlite3}, Node ${node}`;
  if (database === null) return [['versions', made]];
  const { applied_migrations: applied, pending_migrations: pending } = database;
  return [
    ['migrations', `${formatCount(applied.length)} applied, ${pendingLine(pending)}`],
    ['versions', made],
    ['pragmas', pragmas(database)],
  ];
}

/** How many migrations are pending, and what applies them. */
function pendingLine(pending: readonly string[]): string {
  if (pending.length === 0) return 'none pending';
  return `${formatCount(pending.length)} pending (\`pylon-db migrate up\`)`;
}

/** Those of the file, and those of each connection of pylon-db. */
const PRAGMAS = [
  'journal_mode',
  'synchronous',
  'foreign_keys',
  'trusted_schema',
  'cell_size_check',
  'page_size',
  'auto_vacuum',
  'encoding',
  'user_version',
  'application_id',
] as const;

function pragmas(database: NonNullable<CheckAnswer['database']>): string {
  return PRAGMAS.map((name) => `${name}=${database[name]}`).join(' ');
}

function backupLine({ last_backup, findings }: CheckAnswer): string {
  if (last_backup === null) {
    const isKnown = findings.every(({ check }) => check !== 'backups');
    return isKnown ? 'none (`pylon-db backup`)' : 'not known, see below';
  }
  const { created_at, age_seconds, path } = last_backup;
  const when = age_seconds === null ? 'a time from the future' : `${age(age_seconds)} ago`;
  return `${formatTime(created_at)} UTC, ${when}: ${path}`;
}

function restoreLine({ last_restore }: CheckAnswer): string {
  if (last_restore === null) return 'none';
  const { started_at, outcome, backup } = last_restore;
  return `${formatTime(started_at)} UTC, ${outcome}: ${backup}`;
}

const SECONDS_PER_DAY = 86_400;
const SECONDS_AN_HOUR = 3600;
const SECONDS_PER_MINUTE = 60;

/** In the largest unit that counts at least two. */
function age(seconds: number): string {
  if (seconds >= 2 * SECONDS_PER_DAY) return `${Math.floor(seconds / SECONDS_PER_DAY)} days`;
  if (seconds >= 2 * SECONDS_AN_HOUR) return `${Math.floor(seconds / SECONDS_AN_HOUR)} hours`;
  return `${Math.floor(seconds / SECONDS_PER_MINUTE)} min`;
}

/** What was left out, one line per reason. */
function skippedFields(skipped: CheckAnswer['skipped']): Field[] {
  const byReason = new Map<string, string[]>();
  for (const { check, reason } of skipped) {
    byReason.set(reason, [...(byReason.get(reason) ?? []), check]);
  }
  return [...byReason].map(
    ([reason, checks]): Field => ['left out', `${checks.join(', ')} (${reason})`],
  );
}
