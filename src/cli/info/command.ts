import type { Command } from 'commander';
import { sql } from 'kysely';
import { EARNING_SOURCES, type JobStatus, LIFECYCLE_STATES } from '../../../generated/db.js';
import { migrations } from '../../../migrations/index.js';
import { wholeSats } from '../../earnings/earning.js';
import { type EarningsFigures, type Figure, orWhyNot } from '../../earnings/figures.js';
import { PylonDbError } from '../../errors.js';
import type { PylonDb } from '../../pylon-db.js';
import { examples } from '../shell/arguments.js';
import { reading } from '../shell/reading.js';
import { fields } from '../shell/table.js';
import { counted, formatCount, formatMsats } from '../shell/units.js';
import { type DatabaseSize, fileSize, serverSize, sizeLines } from './size.js';

/** What a database says, where a figure that can't be given is an error. */
interface Found extends DatabaseSize {
  readonly path: string;
  readonly identity: string | null;
  readonly migrations: { readonly applied: readonly string[]; readonly pending: readonly string[] };
  readonly jobs: Readonly<Record<JobStatus, number>> | PylonDbError;
  readonly earnings: EarningsFigures;
  readonly agents: Readonly<Record<string, number>>;
  /** What the figures cost more than they need to, in a sentence. */
  readonly slow: string | undefined;
}

/** `pylon-db info`: what the database holds. */
export function configure(command: Command): void {
  command
    .addHelpText(
      'after',
      examples([
        ['pylon-db info', 'of ~/.pylon/pylon.db'],
        ['pylon-db info --db ./node.db --json', 'of another file, for scripts'],
        ['pylon-db info --db postgres://pylon@db.example/fleet', 'of a server'],
      ]),
    )
    .action(async () => {
      await reading(command, async (db, out, { path, serverUrl }) => {
        const size = serverUrl === undefined ? fileSize(path) : await serverSize(db);
        const found = await lookAt(db, path, size, serverUrl !== undefined);
        out.result(answerOf(found), () => show(found));
      });
    });
}

async function lookAt(
  db: PylonDb,
  path: string,
  size: DatabaseSize,
  onServer: boolean,
): Promise<Found> {
  const [applied, jobs, earnings, agents] = await Promise.all([
    db.kysely.selectFrom('migrations').select('name').orderBy('id').execute(),
    orWhyNot(() => db.jobs.countByStatus()),
    db.earnings.figures(),
    countAgents(db),
  ]);
  const names = applied.map((row) => row.name);
  return {
    path,
    identity: names.includes(IDENTITY_MIGRATION) ? await readIdentity(db) : null,
    ...size,
    migrations: {
      applied: names,
      pending: Object.keys(migrations).filter((name) => !names.includes(name)),
    },
    jobs,
    earnings,
    agents,
    slow:
      onServer && names.includes(TOTALS_MIGRATION) && !(await keepsTotals(db))
        ? COUNTED
        : undefined,
  };
}

/** What keeps totals on a server. */
const TOTALS_MIGRATION = '005_pylon_db_earning_hours';

const COUNTED =
  'earnings are summed from the rows at each call: the server has no triggers for that table';

/** A server whose triggers keep totals has a row for all time, if only a zero. The table is nobody's to query. */
async function keepsTotals(db: PylonDb): Promise<boolean> {
  const look = sql<{ kept: boolean }>`
    select exists (select from pylon_db_earning_hours where hour = 9223372036854775807) as kept`;
  return (await look.execute(db.kysely)).rows[0]?.kept === true;
}

/** What gives a database its identity. */
const IDENTITY_MIGRATION = '004_pylon_db_identity';

async function readIdentity(db: PylonDb): Promise<string | null> {
  const row = await db.kysely.selectFrom('pylon_db_identity').select('identity').executeTakeFirst();
  return row?.identity ?? null;
}

/** By the index on the state; the services would read every agent's memory. */
async function countAgents(db: PylonDb): Promise<Record<string, number>> {
  const rows = await db.kysely
    .selectFrom('agents')
    .select((eb) => ['lifecycle_state', eb.fn.countAll<number>().as('count')])
    .groupBy('lifecycle_state')
    .execute();
  const counts: Record<string, number> = {};
  for (const state of LIFECYCLE_STATES) counts[state] = 0;
  for (const row of rows) counts[row.lifecycle_state] = row.count;
  return counts;
}

/** As `--json` has it. */
function answerOf({ jobs, earnings, slow, ...rest }: Found) {
  const { total_msats, job_count, by_source } = earnings;
  const total = orNull(total_msats);
  const problems = [jobs, total_msats, ...Object.values(by_source)].filter(isProblem);
  return {
    ...rest,
    jobs: orNull(jobs),
    earnings: {
      total_msats: total,
      total_sats: total === null ? null : wholeSats(total),
      job_count,
      by_source: {
        job: orNull(by_source.job),
        tip: orNull(by_source.tip),
        other: orNull(by_source.other),
      },
    },
    /** Why figures are null, or dear. */
    notes: [
      ...new Set(problems.map(({ problem }) => problem)),
      ...(slow === undefined ? [] : [slow]),
    ],
  };
}

function isProblem(figure: unknown): figure is PylonDbError {
  return figure instanceof PylonDbError;
}

function orNull<Value>(figure: Value | PylonDbError): Value | null {
  return figure instanceof PylonDbError ? null : figure;
}

function show(found: Found): string {
  const { earnings, jobs } = found;
  return fields([
    ['path', found.path],
    ['identity', found.identity ?? 'none before `pylon-db migrate up`'],
    ...sizeLines(found),
    ['migrations', schemaLine(found.migrations)],
    ['', ''],
    ['jobs', isProblem(jobs) ? unknown(jobs) : formatCount(sum(jobs))],
    ...(isProblem(jobs) ? [] : counts(jobs)),
    ['', ''],
    ['earnings', `${amount(earnings.total_msats)} · ${counted(earnings.job_count, 'paid job')}`],
    ...EARNING_SOURCES.map(
      (source) => [`  ${source}`, amount(earnings.by_source[source])] as const,
    ),
    ['', ''],
    ['agents', formatCount(sum(found.agents))],
    ...counts(found.agents),
    ...(found.slow === undefined ? [] : [['note', found.slow] as const]),
  ]);
}

function amount(figure: Figure): string {
  return isProblem(figure) ? unknown(figure) : formatMsats(figure);
}

function unknown({ problem }: PylonDbError): string {
  return `unknown: ${problem}`;
}

function schemaLine({ applied, pending }: Found['migrations']): string {
  const done = `${formatCount(applied.length)} applied`;
  if (pending.length === 0) return `${done}, none pending`;
  return `${done}, ${formatCount(pending.length)} pending (\`pylon-db migrate up\`)`;
}

function counts(by: Readonly<Record<string, number>>): (readonly [string, string])[] {
  return Object.entries(by).map(([name, count]) => [`  ${name}`, formatCount(count)]);
}

function sum(by: Readonly<Record<string, number>>): number {
  return Object.values(by).reduce((total, count) => total + count, 0);
}
