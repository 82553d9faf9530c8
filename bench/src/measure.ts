import { type Call, type Operation, runCalls } from './operations.js';
import type { Runner } from './runner.js';

/** How long a measurement may take. */
export interface Effort {
  readonly rounds: number;
  /** What one contestant's turn in a round should take; short turns drown in the clock's grain. */
  readonly turnMs: number;
  /** How long each warms up at the least: compiled code, filled page caches, a used WAL. */
  readonly warmUpMs: number;
  /** And how often, unless that takes {@link LONGEST_WARM_UP} times as long. */
  readonly warmUpCalls: number;
  /** What a slow contestant may take for all its rounds. */
  readonly budgetMs: number;
}

/** One turn: microseconds for a row, by the wall's clock and by the process's CPU time. */
export interface Turn {
  readonly wallUs: number;
  readonly cpuUs: number;
}

/** Turns by round; a slow contestant sits out the later rounds. */
export type Turns = readonly Turn[];

/** Rounds that even the slowest contestant takes part in: fewer have no median. */
const FEWEST_ROUNDS = 3;

/** Writes of one operation, warm-up and rounds, to the rows there are: more would change the scale. */
const WARM_UP_SHARE = 0.04;
const ROUNDS_SHARE = 0.16;

/** Groups of concurrent writes that warm up all the same, however few rows there are. */
const WARM_UP_GROUPS = 5;

/** What a slow contestant's warm-up may take, in multiples of the least. */
const LONGEST_WARM_UP = 4;

/**
 * What runs before the clock starts, to what is timed: since a contestant's last turn all the
 * others have filled the processor's caches with theirs.
 */
const LEAD_IN_SHARE = 0.25;

/** Calls a turn at the most: their values are made beforehand. */
const MOST_CALLS = 20_000;

/** Times all runners in interleaved rounds, so that what disturbs the machine disturbs all. */
export async function measure(
  operation: Operation,
  runners: readonly Runner[],
  effort: Effort,
): Promise<Map<string, Turns>> {
  const plans: Plan[] = [];
  for (const runner of runners) plans.push(await warmUp(operation, runner, effort));
  for (let round = 0; round < effort.rounds; round++) {
    for (const { runner, calls, rounds, turns } of rotated(plans, round)) {
      if (round >= rounds || left(operation, runner) < calls * (1 + LEAD_IN_SHARE)) continue;
      turns.push(await takeTurn(operation, runner, calls));
    }
  }
  return new Map(plans.map(({ runner, turns }) => [runner.name, turns]));
}

interface Plan {
  readonly runner: Runner;
  /** Calls in one turn. */
  readonly calls: number;
  readonly rounds: number;
  readonly turns: Turn[];
}

/** Warms a runner up, and learns how many of its calls make a turn. */
async function warmUp(operation: Operation, runner: Runner, effort: Effort): Promise<Plan> {
  const { callers, rowsACall } = operation;
  const most = mostCalls(operation, runner, effort);
  let calls = callers;
  let turnMs = 0;
  let warmed = 0;
  for (let spentMs = 0; !isWarm(effort, spentMs, warmed) && warmed < most.warmUp; ) {
    const { wallUs } = await takeTurn(operation, runner, calls);
    warmed += calls;
    turnMs = (wallUs * calls * rowsACall) / 1000;
    spentMs += turnMs;
    const wanted = Math.min((calls * effort.turnMs) / Math.max(turnMs, 0.001), calls * 8);
    calls = Math.max(1, Math.floor(Math.min(wanted, most.turn) / callers)) * callers;
  }
  const rounds = Math.floor(effort.budgetMs / Math.max(turnMs, 0.001));
  return {
    runner,
    calls,
    rounds: Math.max(FEWEST_ROUNDS, Math.min(effort.rounds, rounds)),
    turns: [],
  };
}

function isWarm({ warmUpMs, warmUpCalls }: Effort, spentMs: number, calls: number): boolean {
  return spentMs >= (calls >= warmUpCalls ? warmUpMs : warmUpMs * LONGEST_WARM_UP);
}

function mostCalls(operation: Operation, runner: Runner, effort: Effort) {
  if (!operation.writes) return { warmUp: Number.POSITIVE_INFINITY, turn: MOST_CALLS };
  const rows = runner.rows / operation.rowsACall;
  return {
    warmUp: Math.max(rows * WARM_UP_SHARE, operation.callers * WARM_UP_GROUPS),
    turn: (rows * ROUNDS_SHARE) / (1 + LEAD_IN_SHARE) / effort.rounds,
  };
}

function left(operation: Operation, runner: Runner): number {
  return operation.left?.(runner.workload) ?? Number.POSITIVE_INFINITY;
}

async function takeTurn(operation: Operation, runner: Runner, count: number): Promise<Turn> {
  const { callers, rowsACall, writes } = operation;
  const leadIn = Math.floor((count * LEAD_IN_SHARE) / callers) * callers;
  if (writes) runner.checkpoint();
  await runCalls(operation, runner.contestant, someCalls(operation, runner, leadIn));
  const calls = someCalls(operation, runner, count);
  return await timed(count * rowsACall, () => runCalls(operation, runner.contestant, calls));
}

function someCalls(operation: Operation, runner: Runner, count: number): Call[] {
  return Array.from({ length: count }, () => operation.call(runner.workload));
}

/** Times one piece of work that handles so many rows. */
export async function timed(rows: number, work: () => Promise<unknown>): Promise<Turn> {
  // What others left behind is not collected at this one's cost.
  globalThis.gc?.({ type: 'minor', execution: 'sync' });
  const cpu = process.cpuUsage();
  const start = performance.now();
  await work();
  const wallMs = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { wallUs: (wallMs * 1000) / rows, cpuUs: (user + system) / rows };
}

/** The same list, begun elsewhere and turned round every other time: nobody always comes first. */
export function rotated<Item>(list: readonly Item[], round: number): Item[] {
  const start = round % list.length;
  const turned = [...list.slice(start), ...list.slice(0, start)];
  return round % 2 === 0 ? turned : turned.reverse();
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Which clock a figure is read from. */
export type Clock = keyof Turn;

/**
 * The clock of operations that never wait: CPU time stays the same when others use the machine.
 * The databases lie in memory, or their files in the system's cache.
 */
export const CLOCK: Clock = 'cpuUs';

export function medianOf(turns: Turns, clock: Clock): number {
  return median(turns.map((turn) => turn[clock]));
}

/** The median, over the rounds that both took part in, of one's time to the other's. */
export function ratio(turns: Turns, yardstick: Turns, clock: Clock): number {
  const rounds = Math.min(turns.length, yardstick.length);
  return median(
    Array.from({ length: rounds }, (_, i) => {
      const of = turns[i]?.[clock] ?? Number.NaN;
      const to = yardstick[i]?.[clock] ?? Number.NaN;
      return of / to;
    }),
  );
}
