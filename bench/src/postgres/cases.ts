import { claim, complete, get, insert, tickOf } from '../calls.js';
import { AGENTS } from '../rows.js';
import type { Workload } from '../workload.js';
import type { ServerContestant } from './contestant.js';

/** One call, with its values made beforehand. */
export type ServerCall = (contestant: ServerContestant) => Promise<unknown>;

/** A kind of call. */
export interface Kind {
  readonly title: string;
  call(workload: Workload): ServerCall;
  /** How many calls the database still has rows for. */
  left?(workload: Workload): number;
  /** What no two calls may be given: the row that a call took or made. */
  key?(result: unknown): unknown;
}

/** Agents of a fleet's server. */
export const MANY_AGENTS = 1000;

const idOf = (result: unknown): unknown =>
  typeof result === 'object' && result !== null && 'id' in result ? result.id : undefined;

const ticks = (agents: number): Kind => ({
  title: `tick, ${agents.toLocaleString('en')} agents`,
  call: (workload) => tickOf(workload, agents),
  key: idOf,
});

/** All kinds, by the names that `--only` knows. */
export const kinds = {
  tick: ticks(AGENTS),
  'tick-many': ticks(MANY_AGENTS),
  get: { title: 'get a job', call: get },
  insert: { title: 'insert a job', call: insert, key: idOf },
  complete: {
    title: 'complete a job',
    call: complete,
    left: (workload) => workload.completionsLeft,
    key: idOf,
  },
  claim: {
    title: 'claim the next job',
    call: claim,
    left: (workload) => workload.claimsLeft,
    key: idOf,
  },
} satisfies Record<string, Kind>;

export type KindName = keyof typeof kinds;

/** Who calls: so many processes, each with so many callers, each making call after call. */
export interface Callers {
  readonly processes: number;
  readonly each: number;
}

/** A kind of call by so many callers: what is timed. */
export interface Case {
  readonly kind: KindName;
  readonly callers: Callers;
}

const ONE: Callers = { processes: 1, each: 1 };
const MANY: Callers = { processes: 1, each: 32 };
const FLEET: Callers = { processes: 4, each: 8 };

/** All cases, in the order of tables. */
export const cases: readonly Case[] = [
  ...(['tick', 'tick-many'] as const).flatMap((kind) =>
    [ONE, MANY, FLEET].map((callers) => ({ kind, callers })),
  ),
  ...(['get', 'insert', 'complete', 'claim'] as const).flatMap((kind) =>
    [ONE, MANY].map((callers) => ({ kind, callers })),
  ),
];

/** Processes that the largest case takes. */
export const MOST_PROCESSES = Math.max(...cases.map(({ callers }) => callers.processes));

/** `1 caller`, `32 callers`, `4 × 8 callers`. */
export function callersTitle({ processes, each }: Callers): string {
  if (processes > 1) return `${processes} × ${each} callers`;
  return each === 1 ? '1 caller' : `${each} callers`;
}
