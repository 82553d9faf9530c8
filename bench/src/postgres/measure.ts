import { rotated } from '../measure.js';
import { type Case, type Kind, kinds } from './cases.js';
import type { Crew, TurnTimes } from './crew.js';

/** How long a measurement may take. */
export interface ServerEffort {
  readonly rounds: number;
  /** What one contestant's turn in a round should take; the clock starts and ends with a message. */
  readonly turnMs: number;
  /** How long each warms up at the least: compiled code, open connections, planned statements. */
  readonly warmUpMs: number;
}

/** Turns by round. */
export type ServerTurns = readonly TurnTimes[];

/** Calls a turn at the most: their values are made beforehand. */
const MOST_CALLS = 20_000;

/** Of the rows that calls use up, what all turns of one case may take. */
const SHARE_OF_ROWS = 0.45;

/** Warm-up turns at the most, each eight times as long as the one before at the most. */
const WARM_UP_TURNS = 12;

/** Times all crews in interleaved rounds, so that what disturbs the machine disturbs all. */
export async function measureCase(
  each: Case,
  crews: readonly Crew[],
  rows: number,
  effort: ServerEffort,
): Promise<Map<string, ServerTurns>> {
  const plans: Plan[] = [];
  for (const crew of crews) {
    plans.push({ crew, calls: await warmUp(each, crew, rows, effort), turns: [] });
  }
  for (let round = 0; round < effort.rounds; round++) {
    for (const { crew, calls, turns } of rotated(plans, round)) {
      const turn = await crew.turn(each, calls);
      if (turn !== undefined) turns.push(turn);
    }
  }
  return new Map(plans.map(({ crew, turns }) => [crew.name, turns]));
}

interface Plan {
  readonly crew: Crew;
  /** Calls in one turn. */
  readonly calls: number;
  readonly turns: TurnTimes[];
}

/** Warms a crew up, and learns how many of its calls make a turn. */
async function warmUp(
  each: Case,
  crew: Crew,
  rows: number,
  { rounds, turnMs, warmUpMs }: ServerEffort,
): Promise<number> {
  const callers = each.callers.processes * each.callers.each;
  const most = Math.max(callers, mostCalls(kinds[each.kind], rows, rounds));
  let calls = callers;
  let spentMs = 0;
  for (let turns = 0; turns < WARM_UP_TURNS && spentMs < warmUpMs; turns++) {
    const turn = await crew.turn(each, calls);
    if (turn === undefined) break;
    spentMs += (calls / turn.callsASecond) * 1000;
    const wanted = Math.min((turn.callsASecond * turnMs) / 1000, calls * 8, most);
    calls = Math.max(1, Math.round(wanted / callers)) * callers;
  }
  return calls;
}

function mostCalls({ left }: Kind, rows: number, rounds: number): number {
  if (left === undefined) return MOST_CALLS;
  // A tenth of the rows, twice: see rows.ts. Half of a case's share goes into its warm-up.
  return Math.floor((rows * 0.2 * SHARE_OF_ROWS) / 2 / rounds);
}

/** By round, one's throughput to the other's; more is faster. */
export function throughputRatios(turns: ServerTurns, yardstick: ServerTurns): number[] {
  return ratios(turns, yardstick, ({ callsASecond }) => callsASecond);
}

/** By round, one's CPU time for a call, of its own and of the server, to the other's. */
export function cpuRatios(turns: ServerTurns, yardstick: ServerTurns): number[] {
  return ratios(turns, yardstick, ({ ownUs, serverUs }) => ownUs + serverUs);
}

function ratios(
  turns: ServerTurns,
  yardstick: ServerTurns,
  figure: (turn: TurnTimes) => number,
): number[] {
  return turns.flatMap((turn, i) => {
    const other = yardstick[i];
    return other === undefined ? [] : [figure(turn) / figure(other)];
  });
}
