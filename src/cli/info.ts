import { statSync } from 'node:fs';
import type { Command } from 'commander';
import { EARNING_SOURCES, type JobStatus, LIFECYCLE_STATES } from '../../generated/db.js';
import { migrations } from '../../migrations/index.js';
import type { EarningsSummary } from '../earnings/earnings-service.js';
import { counted } from '../ops/counted.js';
import type { PylonDb } from '../pylon-db.js';
import { examples } from './examples.js';
import { reading } from './reading.js';
import { fields } from './table.js';
import { formatBytes, formatCount, formatMsats } from './units.js';

interface Info {
  readonly path: string;
  readonly size_bytes: number;
  readonly wal_bytes: number;
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
      ]),
    )
    .action(async () => {
      await reading(command, async (db, out) => {
        const info = await readInfo(db);
        out.result(info, () => show(info));
      });
    });
}

async function readInfo(db: PylonDb): Promise<Info> {
  const [applied, jobs, earnings, agents] = await Promise.all([
    db.kysely.selectFrom('migrations').select('name').orderBy('id').execute(),
    db.jobs.countByStatus(),
    db.earnings.summary(),
    countAgents(db),
  ]);
  const names = applied.map((row) => row.name);
  return {
    path: db.path,
    size_bytes: sizeOf(db.path),
    wal_bytes: sizeOf(`${db.path}-wal`),
    migrations: {
      applied: names,
      pending: Object.keys(migrations).filter((name) => !names.includes(name)),
    },
    jobs,
    earnings,
    agents,
  };
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

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function show(info: Info): string {
  const { earnings } = info;
  return fields([
    ['path', info.path],
    ['size', `${formatBytes(info.size_bytes)} + ${formatBytes(info.wal_bytes)} in the WAL`],
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
