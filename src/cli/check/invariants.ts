import { counted } from '../shell/units.js';
import { rowName } from './finding.js';
import type { RowCheck } from './row-check.js';

interface AddressedRow {
  readonly id: string;
  readonly rowid: unknown;
}

/** Earnings of source `job` whose job is there, but not completed. */
export const PAID_JOBS: RowCheck<AddressedRow> = {
  query: ({ build, address }) =>
    build
      .selectFrom('earnings as e')
      .innerJoin('jobs as j', 'j.id', 'e.job_id')
      .select(['e.id', address('e').as('rowid')])
      .where('e.source', '=', 'job')
      .where('j.status', '<>', 'completed'),
  nameOf: ({ id, rowid }) => rowName(id, rowid),
  text: (count) => ({
    check: 'paid-jobs',
    severity: 'note',
    problem: `${counted(count, 'earning')} of source job whose job isn't completed`,
    mend: 'A job that is paid in advance needs nothing: completing it settles this. Of one that failed or was cancelled, `pylon-db jobs ID` shows why; whether to pay it back is yours to say.',
  }),
};

/** Agents that count fewer ticks than are stored; more is fine, history may be pruned. */
export const TICK_COUNTS: RowCheck<{ readonly npub: string }> = {
  query: ({ build }) =>
    build
      .selectFrom('agents as a')
      .innerJoin(
        build
          .selectFrom('tick_history')
          .select(({ fn }) => ['agent_npub', fn.countAll<number>().as('ticks')])
          .groupBy('agent_npub')
          .as('t'),
        't.agent_npub',
        'a.npub',
      )
      .select('a.npub')
      .whereRef('a.tick_count', '<', 't.ticks'),
  nameOf: ({ npub }) => rowName(npub, '?'),
  text: (count) => ({
    check: 'tick-counts',
    severity: 'note',
    problem: `${counted(count, 'agent')} whose tick_count is below the number of ticks`,
    mend: 'Another program stored ticks without counting them; nothing fails. To count them: UPDATE agents SET tick_count = (SELECT count(*) FROM tick_history WHERE agent_npub = npub) WHERE npub = …, in a shell of the database.',
  }),
};
