import type { Compilable } from 'kysely';
import { counted } from '../counted.js';
import { type Finding, rowName } from './finding.js';
import type { Questions, RowCheck } from './row-check.js';

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

/** Hashes of which the surplus earnings are looked up: each has one at least. */
export const HASHES_TOLD = 10;

/** Lightning payments that are recorded, and so counted, more than once. */
export function repeatedPayments({
  build,
}: Questions): Compilable<{ payment_hash: string | null; count: number }> {
  return build
    .selectFrom('earnings')
    .select(({ fn }) => ['payment_hash', fn.countAll<number>().as('count')])
    .where('payment_hash', 'is not', null)
    .groupBy('payment_hash')
    .having(({ fn }) => fn.countAll(), '>', 1);
}

/** The earnings of a payment but for the first, which `byPaymentHash` gives. */
export function repeatsOf(
  { build, address }: Questions,
  hash: string | null,
): Compilable<AddressedRow> {
  return build
    .selectFrom('earnings')
    .select(['id', address().as('rowid')])
    .where('payment_hash', '=', hash)
    .orderBy('earned_at')
    .orderBy('id')
    .limit(HASHES_TOLD)
    .offset(1);
}

/** The finding for `surplus` repeats, of which the first are named. */
export function repeatedPaymentsFound(surplus: number, rows: readonly string[]): Finding[] {
  if (surplus === 0) return [];
  return [
    {
      check: 'repeated-payments',
      severity: 'wrong',
      problem: `${counted(surplus, 'earning')} with the payment hash of an earlier one: counted twice`,
      rows,
      count: surplus,
      mend: 'Compare each with the first of its payment_hash, and delete what is no payment of its own.',
      repairable: false,
    },
  ];
}
