import { cpus, totalmem } from 'node:os';
import Database from 'better-sqlite3';
import { handWritten } from './contestants/index.js';
import type { Goal } from './goals.js';
import { CLOCK, medianOf, ratio, type Turns } from './measure.js';
import type { Measured } from './side-by-side.js';

/** One operation of one contestant, as the results file keeps it. */
export interface Figure {
  readonly contestant: string;
  /** Median of one row's CPU time, in microseconds. */
  readonly us: number;
  /** The same by the wall's clock. */
  readonly wall_us: number;
  /** Median ratio to hand-written in the same round, by CPU time. */
  readonly ratio: number;
  readonly rounds: number;
}

/** All that a run measured. */
export interface Results {
  readonly measured_at: string;
  readonly machine: Record<string, string>;
  readonly operations: readonly {
    readonly name: string;
    readonly title: string;
    readonly rows: number;
    readonly figures: readonly Figure[];
  }[];
  readonly goals: readonly Goal[];
}

export function toResults(
  measured: readonly Measured[],
  goals: readonly Goal[],
  folder: string,
): Results {
  return {
    measured_at: new Date().toISOString(),
    machine: describeMachine(folder),
    operations: measured.map(({ operation, rows, turns }) => ({
      name: operation.name,
      title: operation.title,
      rows,
      figures: [...turns].map(([name, own]) => figure(name, own, turns.get(handWritten.name))),
    })),
    goals,
  };
}

function figure(contestant: string, turns: Turns, yardstick: Turns = []): Figure {
  return {
    contestant,
    us: rounded(medianOf(turns, CLOCK)),
    wall_us: rounded(medianOf(turns, 'wallUs')),
    ratio: rounded(ratio(turns, yardstick, CLOCK)),
    rounds: turns.length,
  };
}

const rounded = (value: number) => Number(value.toPrecision(4));

function describeMachine(folder: string): Record<string, string> {
  const db = new Database(':memory:');
  const sqlite = String(db.prepare('select sqlite_version()').pluck().get());
  db.close();
  return {
    processor: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GB`,
    node: process.version,
    sqlite,
    system: `${process.platform} ${process.arch}`,
    databases: folder.startsWith('/dev/shm') ? 'in memory (tmpfs)' : 'on disk',
  };
}

/** One line on what the figures were measured. */
export function machineLine(machine: Results['machine']): string {
  return Object.entries(machine)
    .map(([name, value]) => `${name} ${value}`)
    .join(' · ');
}

/** The side-by-side table of one number of rows. */
export function operationsTable(results: Results, rows: number): string {
  const operations = results.operations.filter((each) => each.rows === rows);
  const names = operations[0]?.figures.map(({ contestant }) => contestant) ?? [];
  const others = names.filter((name) => name !== handWritten.name);
  const header = ['', `${handWritten.name}, µs`, ...others];
  const lines = operations.map(({ title, figures }) => {
    const of = (name: string) => figures.find(({ contestant }) => contestant === name);
    const us = of(handWritten.name)?.us ?? Number.NaN;
    return [title, us.toFixed(1), ...others.map((name) => times(of(name)?.ratio ?? Number.NaN))];
  });
  return [
    `${rows.toLocaleString('en')} rows: CPU time a row, in µs; the others as a multiple of hand-written`,
    table([header, ...lines]),
  ].join('\n');
}

/** Each goal next to what was measured. */
export function goalsTable(goals: readonly Goal[]): string {
  const lines = goals.map((goal) => [
    verdict(goal),
    goal.what,
    goal.to,
    goal.value === undefined ? '' : amount(goal, goal.value),
    Number.isFinite(goal.limit) ? `≤ ${amount(goal, goal.limit)}` : '',
    goal.on,
  ]);
  return table([['', 'goal', 'to', 'measured', '', 'on'], ...lines], [3, 4]);
}

/** Whether a goal is met. */
function verdict({ value, limit }: Goal): 'met' | 'NOT MET' | 'not run' {
  if (value === undefined) return 'not run';
  return value <= limit ? 'met' : 'NOT MET';
}

function amount({ unit }: Goal, value: number): string {
  return unit === 'MB' ? `${value.toFixed(0)} MB` : value.toFixed(value < 0.1 ? 4 : 2);
}

function times(ratio: number): string {
  return ratio >= 100 ? ratio.toFixed(0) : ratio.toFixed(ratio >= 10 ? 1 : 2);
}

/** Columns of equal width; numbers to the right, which all but the first are unless set otherwise. */
export function table(lines: readonly (readonly string[])[], right?: readonly number[]): string {
  const widths: number[] = [];
  for (const line of lines) {
    for (const [i, cell] of line.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  const isRight = (i: number) => right?.includes(i) ?? i > 0;
  return lines
    .map((line) =>
      line
        .map((cell, i) =>
          isRight(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
