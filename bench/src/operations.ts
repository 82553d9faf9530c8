import { claim, complete, get, insert, tickOf } from './calls.js';
import type { Contestant } from './contestant.js';
import { AGENTS } from './rows.js';
import type { Workload } from './workload.js';

/** One call, with its values made beforehand. */
export type Call = (contestant: Contestant) => Promise<unknown>;

/** What is timed. */
export interface Operation {
  readonly name: string;
  readonly title: string;
  /** How many calls are awaited together. */
  readonly callers: number;
  readonly writes: boolean;
  /** Rows that one call handles; times are per row. */
  readonly rowsACall: number;
  call(workload: Workload): Call;
  /** How many calls the database still has rows for. */
  left?(workload: Workload): number;
}

type Rest = Partial<Operation>;

const read = (
  name: string,
  title: string,
  call: Operation['call'],
  rest: Rest = {},
): Operation => ({
  name,
  title,
  callers: 1,
  writes: false,
  rowsACall: 1,
  call,
  ...rest,
});

const write = (
  name: string,
  title: string,
  call: Operation['call'],
  rest: Rest = {},
): Operation => ({
  ...read(name, title, call),
  writes: true,
  ...rest,
});

const tick: Operation['call'] = (workload) => tickOf(workload, AGENTS);

/** All operations, in the order of tables and charts. */
export const operations: readonly Operation[] = [
  read('get', 'get a job', get),
  read('get-10', 'get, 10 concurrent', get, { callers: 10 }),
  read('get-100', 'get, 100 concurrent', get, { callers: 100 }),
  read('list', 'list 100 jobs', () => (contestant) => contestant.listJobs('completed', 100)),
  read('counts', 'status counts', () => (contestant) => contestant.countByStatus()),
  read('total', 'earnings total', () => (contestant) => contestant.total()),
  read('summary', 'earnings summary', () => (contestant) => contestant.summary()),
  read('rollup', 'day rollup, 30 days', (workload) => {
    const { start, end } = workload.month();
    return (contestant) => contestant.rollupDays(start, end);
  }),
  read('history', '10 newest ticks', (workload) => {
    const npub = workload.knownAgent();
    return (contestant) => contestant.tickHistory(npub, 10);
  }),
  write('insert', 'insert a job', insert),
  write(
    'insert-100',
    'insert, 100 at once',
    (workload) => {
      const jobs = Array.from({ length: 100 }, () => workload.newJob());
      return (contestant) => contestant.insertJobs(jobs);
    },
    { rowsACall: 100 },
  ),
  write('complete', 'complete a job', complete, {
    left: (workload) => workload.completionsLeft,
  }),
  write('claim', 'claim the next job', claim, { left: (workload) => workload.claimsLeft }),
  write('tick', 'tick', tick),
  write('tick-10', 'tick, 10 concurrent', tick, { callers: 10 }),
  write('tick-100', 'tick, 100 concurrent', tick, { callers: 100 }),
  write('tick-1000', 'tick, 1,000 concurrent', tick, { callers: 1000 }),
];

/** Runs calls as the operation says: one after another, or so many awaited together. */
export async function runCalls(
  operation: Operation,
  contestant: Contestant,
  calls: readonly Call[],
): Promise<unknown[]> {
  const results: unknown[] = [];
  for (let i = 0; i < calls.length; i += operation.callers) {
    const group = calls.slice(i, i + operation.callers);
    results.push(...(await Promise.all(group.map((call) => call(contestant)))));
  }
  return results;
}
