import type Database from 'better-sqlite3';
import { sql } from 'kysely';
import { counted } from '../counted.js';
import { type Finding, findingsOf, rowName, Tally } from './finding.js';
import { build, eachRow, fewRows } from './typed-query.js';

/** Earnings of source `job` whose job is there, but not completed. */
export function checkPaidJobs(db: Database.Database): Finding[] {
  const query = build
    .selectFrom('earnings as e')
    .innerJoin('jobs as j', 'j.id', 'e.job_id')
    .select(['e.id', sql<number>`e.rowid`.as('rowid')])
    .where('e.source', '=', 'job')
    .where('j.status', '<>', 'completed');
  const tally = new Tally();
  for (const { id, rowid } of eachRow(db, query)) tally.add(rowName(id, rowid));
  return findingsOf(tally, {
    check: 'paid-jobs',
    problem: `${counted(tally.count, 'earning')} of source job whose job isn't completed`,
    mend: 'Complete the job if its work was done; else say what the money was: source tip or other.',
  });
}

/** Hashes of which the surplus earnings are looked up: each has one at least. */
const HASHES_TOLD = 10;

/** Lightning payments that are recorded, and so counted, more than once. */
export function checkPayments(db: Database.Database): Finding[] {
  const repeated = build
    .selectFrom('earnings')
    .select(({ fn }) => ['payment_hash', fn.countAll<number>().as('count')])
    .where('payment_hash', 'is not', null)
    .groupBy('payment_hash')
    .having(({ fn }) => fn.countAll(), '>', 1);
  const hashes: (string | null)[] = [];
  let surplus = 0;
  for (const { payment_hash, count } of eachRow(db, repeated)) {
    surplus += count - 1;
    if (hashes.length < HASHES_TOLD) hashes.push(payment_hash);
  }
  const told = new Tally();
  for (const hash of hashes) for (const name of repeatsOf(db, hash)) told.add(name);
  if (surplus === 0) return [];
  return [
    {
      check: 'repeated-payments',
      severity: 'wrong',
      problem: `${counted(surplus, 'earning')} with the payment hash of an earlier one: counted twice`,
      rows: told.rows,
      count: surplus,
      mend: 'Compare each with the first of its payment_hash, and delete what is no payment of its own.',
      repairable: false,
    },
  ];
}

/** The earnings of a payment but for the first, which `byPaymentHash` gives. */
function repeatsOf(db: Database.Database, hash: string | null): string[] {
  const query = build
    .selectFrom('earnings')
    .select(['id', sql<number>`rowid`.as('rowid')])
    .where('payment_hash', '=', hash)
    .orderBy('earned_at')
    .orderBy('id')
    .limit(HASHES_TOLD)
    .offset(1);
  return fewRows(db, query).map(([id, rowid]) => rowName(id, rowid));
}

/** Agents that count fewer ticks than are stored; more is fine, history may be pruned. */
export function checkTickCounts(db: Database.Database): Finding[] {
  const query = build
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
    .whereRef('a.tick_count', '<', 't.ticks');
  const tally = new Tally();
  for (const { npub } of eachRow(db, query)) tally.add(rowName(npub, '?'));
  return findingsOf(tally, {
    check: 'tick-counts',
    problem: `${counted(tally.count, 'agent')} whose tick_count is below the number of ticks`,
    mend: "Set tick_count to the agent's highest tick_number, or at least to the number of its ticks.",
  });
}
