import { deepStrictEqual } from 'node:assert/strict';
import { NOW } from '../contestant.js';
import { type KindName, kinds } from './cases.js';
import type { Crew } from './crew.js';
import type { BenchServer } from './dataset.js';

/** Calls of each kind whose results are compared. */
const CALLS = 20;

/** Throws unless all crews, their databases untouched, give the same for every kind of call. */
export async function verifyResults(crews: readonly Crew[]): Promise<void> {
  for (const kind of Object.keys(kinds) as KindName[]) {
    let expected: readonly unknown[] | undefined;
    for (const crew of crews) {
      const results = await crew.results(kind, CALLS);
      expected ??= results;
      deepStrictEqual(results, expected, `${crew.name} differs in ${kind}`);
    }
  }
}

/** Throws unless a crew's database holds just what its calls were answered. */
export async function verifyStored(
  server: BenchServer,
  database: string,
  crew: Crew,
): Promise<void> {
  const [stored] = await server.run(
    database,
    `select
       (select count(*)::int from tick_history) as ticks,
       (select sum(tick_count)::int from agents) as counted,
       (select count(*)::int from agents where tick_count <>
         (select count(*) from tick_history where agent_npub = npub)) as miscounted,
       (select count(*)::int from jobs) as jobs,
       (select count(*)::int from jobs
         where status = 'completed' and completed_at = ${NOW}) as completed,
       (select count(*)::int from jobs
         where status = 'processing' and started_at = ${NOW}) as claimed`,
  );
  const ticks = server.rows + crew.done('tick') + crew.done('tick-many');
  deepStrictEqual(
    stored,
    {
      ticks,
      counted: ticks,
      miscounted: 0,
      jobs: server.rows + crew.done('insert'),
      completed: crew.done('complete'),
      claimed: crew.done('claim'),
    },
    `${crew.name}: what is stored is not what was answered`,
  );
}
