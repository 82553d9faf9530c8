import type { PylonDb } from '../index.js';
import type { Happening } from './day.js';

const MSATS_PER_SAT = 1000;

/** Characters of the longest bar; with the columns before it a line stays below 80. */
const BAR_WIDTH = 40;

/** The whole report, without a line longer than 80 characters. */
export async function report(
  db: PylonDb,
  path: string,
  happenings: readonly Happening[],
): Promise<string> {
  return [
    'A day of a Pylon node, played through the public API of pylon-db',
    section(
      'What happened',
      happenings.map(({ time, what }) => `${time}  ${what}`),
    ),
    section('Jobs by status', await jobLines(db)),
    section('Earnings', await summaryLines(db)),
    section('Earnings by hour (UTC, sats)', await hourLines(db)),
    section('Agents', await agentLines(db)),
    section('It is all in one SQLite file. Try next', commands(path)),
  ].join('\n\n');
}

function section(title: string, lines: readonly string[]): string {
  return [title, ...lines.map((line) => `  ${line}`)].join('\n');
}

async function jobLines(db: PylonDb): Promise<string[]> {
  const counts = await db.jobs.countByStatus();
  return Object.entries(counts).map(([status, count]) => columns([status, -12], [count, 6]));
}

async function summaryLines(db: PylonDb): Promise<string[]> {
  const { total_msats, job_count, by_source } = await db.earnings.summary();
  return [
    ...Object.entries(by_source).map(([source, msats]) =>
      columns([source, -12], [sats(msats), 6], [' sats', -5]),
    ),
    columns(['together', -12], [sats(total_msats), 6], [` sats, from ${job_count} paid jobs`, 0]),
  ];
}

async function hourLines(db: PylonDb): Promise<string[]> {
  const buckets = await db.earnings.rollup({ by: 'hour' });
  const most = Math.max(...buckets.map(({ amount_msats }) => amount_msats));
  return buckets.map(({ bucket_start, amount_msats }) => {
    const time = new Date(bucket_start * 1000).toISOString().slice(11, 16);
    const bar = '█'.repeat(Math.round((amount_msats / most) * BAR_WIDTH));
    return `${columns([time, -5], [sats(amount_msats), 7])}  ${bar}`.trimEnd();
  });
}

async function agentLines(db: PylonDb): Promise<string[]> {
  const agents = await db.agents.listAll();
  return agents.map((agent) =>
    columns(
      [agent.name, -12],
      [agent.lifecycle_state, -10],
      [agent.balance_sats, 6],
      [' sats', -5],
      [agent.tick_count, 6],
      [' ticks', -6],
    ),
  );
}

function commands(path: string): string[] {
  return ['info', 'earnings --by hour', 'jobs --status failed', 'agents'].map(
    (command) => `npx tsx src/cli/main.ts ${command} --db ${path}`,
  );
}

/** Cells in columns of the given widths, to the left where the width is negative. */
function columns(...cells: readonly [text: string | number, width: number][]): string {
  return cells
    .map(([text, width]) =>
      width < 0 ? String(text).padEnd(-width) : String(text).padStart(width),
    )
    .join('');
}

function sats(msats: number): string {
  return Math.floor(msats / MSATS_PER_SAT).toLocaleString('en-US');
}
