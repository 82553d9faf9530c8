import { counted } from '../counted.js';
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
    problem: `${counted(count, 'earning')} of source job whose job isn't completed`,
    mend: 'Complete the job if its work was done; else say what the money was: source tip or other.',
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
    problem: `${counted(count, 'agent')} whose tick_count is below the number of ticks`,
    mend: "Set tick_count to the agent's highest tick_number, or at least to the number of its ticks.",
  }),
};
