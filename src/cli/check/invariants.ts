import type { RowReader } from '../shell/row-reader.js';
import { counted } from '../shell/units.js';
import { type Finding, findingsOf, rowName, Tally } from './finding.js';

/** Earnings of source `job` whose job is there, but not completed. */
export async function checkPaidJobs({ build, address, each }: RowReader): Promise<Finding[]> {
  const tally = new Tally();
  await each(
    build
      .selectFrom('earnings as e')
      .innerJoin('jobs as j', 'j.id', 'e.job_id')
      .select(['e.id', address('e').as('rowid')])
      .where('e.source', '=', 'job')
      .where('j.status', '<>', 'completed'),
    ({ id, rowid }) => tally.add(rowName(id, rowid)),
  );
  return findingsOf(tally, {
    check: 'paid-jobs',
    severity: 'note',
    problem: `${counted(tally.count, 'earning')} of source job whose job isn't completed`,
    mend: 'A job that is paid in advance needs nothing: completing it settles this. Of one that failed or was cancelled, `pylon-db jobs ID` shows why; whether to pay it back is yours to say.',
  });
}

/** Agents that count fewer ticks than are stored; more is fine, history may be pruned. */
export async function checkTickCounts({ build, each }: RowReader): Promise<Finding[]> {
  const tally = new Tally();
  const ticks = build
    .selectFrom('tick_history')
    .select(({ fn }) => ['agent_npub', fn.countAll<number>().as('ticks')])
    .groupBy('agent_npub')
    .as('t');
  await each(
    build
      .selectFrom('agents as a')
      .innerJoin(ticks, 't.agent_npub', 'a.npub')
      .select('a.npub')
      .whereRef('a.tick_count', '<', 't.ticks'),
    ({ npub }) => tally.add(rowName(npub, '?')),
  );
  return findingsOf(tally, {
    check: 'tick-counts',
    severity: 'note',
    problem: `${counted(tally.count, 'agent')} whose tick_count is below the number of ticks`,
    mend: 'Another program stored ticks without counting them; nothing fails. To count them: UPDATE agents SET tick_count = (SELECT count(*) FROM tick_history WHERE agent_npub = npub) WHERE npub = …, in a shell of the database.',
  });
}
