import type { Command } from 'commander';
import { EARNING_SOURCES, type JobStatus, LIFECYCLE_STATES } from '../../generated/db.js';
import { migrations } from '../../migrations/index.js';
import type { EarningsSummary } from '../earnings/earnings-service.js';
import { counted } from '../ops/counted.js';
import type { PylonDb } from '../pylon-db.js';
import { examples } from './examples.js';
import { type DatabaseSize, fileSize, serverSize, sizeLines } from './info-size.js';
import { reading } from './reading.js';
import { fields } from './table.js';
import { formatCount, formatMsats } from './units.js';

interface Info extends DatabaseSize {
  readonly path: string;
  /** The UUID that names the database; `null` until it is migrated. */
  readonly identity: string | null;
  readonly migrations: { readonly applied: readonly string[]; readonly pending: readonly string[] };
  readonly jobs: Readonly<Record<JobStatus, number>>;
  readonly earnings: EarningsSummary;
  readonly agents: Readonly<Record<string, number>>;
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
        const info = await readInfo(db, path, size);
        out.result(info, () => show(info));
      });
    });
}

async function readInfo(db: PylonDb, path: string, size: DatabaseSize): Promise<Info> {
  const [applied, jobs, earnings, agents] = await Promise.all([
    db.kysely.selectFrom('migrations').select('name').orderBy('id').execute(),
    db.jobs.countByStatus(),
    db.earnings.summary(),
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
  };
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

function show(info: Info): string {
  const { earnings } = info;
  return fields([
    ['path', info.path],
    ['identity', info.identity ?? 'none before `pylon-db migrate up`'],
    ...sizeLines(info),
    ['migrations', schemaLine(info.migrations)],
    ['', ''],
    ['jobs', formatCount(sum(info.jobs))],
    ...counts(info.jobs),
    ['', ''],
    [
      'earnings',
      `${formatMsats(earnings.total_msats)} · ${counted(earnings.job_count, 'paid job')}`,
    ],
    ...EARNING_SOURCES.map(
      (source) => [`  ${source}`, formatMsats(earnings.by_source[source])] as const,
    ),
    ['', ''],
    ['agents', formatCount(sum(info.agents))],
    ...counts(info.agents),
  ]);
}

function schemaLine({ applied, pending }: Info['migrations']): string {
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
