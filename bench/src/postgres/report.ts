import { cpus, totalmem } from 'node:os';
import { median } from '../measure.js';
import { table } from '../report.js';
import { type Callers, type Case, callersTitle, kinds } from './cases.js';
import { handWritten, pylonDb } from './contestants/index.js';
import { cpuRatios, type ServerTurns, throughputRatios } from './measure.js';

/** One case under one setting of the server, by contestant. */
export interface MeasuredCase {
  readonly each: Case;
  /** How the server makes commits last: `fsync on`. */
  readonly durability: string;
  readonly turns: ReadonlyMap<string, ServerTurns>;
}

/** One contestant's figures of a case, as the results file keeps them. */
interface Figure {
  readonly contestant: string;
  readonly calls_a_second: number;
  /** CPU time for a call, of the contestant's processes and of the server's. */
  readonly own_us: number;
  readonly server_us: number;
  /** Median ratio of throughput to hand-written in the same round; 2 is twice as many calls. */
  readonly ratio: number;
  readonly ratios: readonly number[];
  /** Median ratio of all CPU time for a call to hand-written. */
  readonly cpu_ratio: number;
}

interface CaseResults {
  readonly kind: string;
  readonly title: string;
  readonly callers: Callers;
  readonly durability: string;
  /** The faster one by hand: with pg's ten connections, or with one a caller. */
  readonly yardstick: string;
  readonly figures: readonly Figure[];
}

interface ServerGoal {
  readonly what: string;
  readonly durability: string;
  /** The least that it may be. */
  readonly limit: number;
  readonly value: number;
}

/** All that a run measured. */
export interface ServerResults {
  readonly measured_at: string;
  readonly machine: Record<string, string>;
  readonly rows: number;
  readonly cases: readonly CaseResults[];
  readonly goals: readonly ServerGoal[];
}

/** Throughput to hand-written, as the project set itself: one who waits alone, and many. */
const GOAL_ALONE = 0.9;
const GOAL_TOGETHER = 1.5;

/** @param machine What the server says of itself. */
export function toServerResults(
  measured: readonly MeasuredCase[],
  rows: number,
  machine: Record<string, string>,
): ServerResults {
  const results = measured.map(toCaseResults);
  return {
    measured_at: new Date().toISOString(),
    machine: {
      processor: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
      memory: `${Math.round(totalmem() / 2 ** 30)} GB`,
      node: process.version,
      system: `${process.platform} ${process.arch}`,
      ...machine,
    },
    rows,
    cases: results,
    goals: results.flatMap(goalsOf),
  };
}

function toCaseResults({ each, durability, turns }: MeasuredCase): CaseResults {
  const yardstick = fasterByHand(turns);
  const figures = [...turns].map(([contestant, own]): Figure => {
    const ratios = throughputRatios(own, turns.get(yardstick) ?? []);
    return {
      contestant,
      calls_a_second: rounded(median(own.map(({ callsASecond }) => callsASecond))),
      own_us: rounded(median(own.map(({ ownUs }) => ownUs))),
      server_us: rounded(median(own.map(({ serverUs }) => serverUs))),
      ratio: rounded(median(ratios)),
      ratios: ratios.map(rounded),
      cpu_ratio: rounded(median(cpuRatios(own, turns.get(yardstick) ?? []))),
    };
  });
  const { kind, callers } = each;
  return { kind, title: kinds[kind].title, callers, durability, yardstick, figures };
}

function fasterByHand(turns: MeasuredCase['turns']): string {
  const speed = (name: string) =>
    median((turns.get(name) ?? []).map(({ callsASecond }) => callsASecond));
  const [first = handWritten.name, ...others] = [...turns.keys()].filter((name) =>
    name.startsWith(handWritten.name),
  );
  return others.reduce((best, name) => (speed(name) > speed(best) ? name : best), first);
}

const rounded = (value: number) => Number(value.toPrecision(4));

/** Ticks are judged: what agents do all day, and what has to batch. */
function goalsOf(results: CaseResults): ServerGoal[] {
  const { kind, callers, durability, title, figures } = results;
  if (kind !== 'tick' && kind !== 'tick-many') return [];
  const alone = callers.processes * callers.each === 1;
  const ours = figures.find(({ contestant }) => contestant === pylonDb.name);
  return [
    {
      what: `${title}, ${callersTitle(callers)}`,
      durability,
      limit: alone ? GOAL_ALONE : GOAL_TOGETHER,
      value: ours?.ratio ?? Number.NaN,
    },
  ];
}

/** The side-by-side table of one setting of the server. */
export function casesTable({ cases, rows }: ServerResults, durability: string): string {
  const own = cases.filter((each) => each.durability === durability);
  const others = [
    ...new Set(own.flatMap(({ figures }) => figures.map(({ contestant }) => contestant))),
  ].filter((name) => !name.startsWith(handWritten.name));
  const header = ['', 'callers', 'hand-written, calls/s', 'pool', ...others, 'pylon-db, CPU'];
  const lines = own.map(({ title, callers, figures, yardstick }) => {
    const of = (name: string) => figures.find(({ contestant }) => contestant === name);
    return [
      title,
      callersTitle(callers).replace(/ callers?$/, ''),
      (of(yardstick)?.calls_a_second ?? Number.NaN).toFixed(0),
      yardstick === handWritten.name ? '10' : yardstick.replace(/\D+/g, ''),
      ...others.map((name) => (of(name)?.ratio ?? Number.NaN).toFixed(2)),
      (of(pylonDb.name)?.cpu_ratio ?? Number.NaN).toFixed(2),
    ];
  });
  return [
    `${rows.toLocaleString('en')} rows, ${durability}: calls a second, the others as a multiple of hand-written`,
    table([header, ...lines]),
  ].join('\n');
}

/** Each goal next to what was measured. */
export function serverGoalsTable({ goals }: ServerResults): string {
  const lines = goals.map(({ what, durability, limit, value }) => [
    value >= limit ? 'met' : 'NOT MET',
    what,
    value.toFixed(2),
    `≥ ${limit.toFixed(2)}`,
    durability,
  ]);
  return table([['', 'throughput to hand-written', 'measured', '', 'on'], ...lines], [2, 3]);
}
