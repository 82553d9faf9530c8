import type { Job, Schema, Tick } from '../contestant.js';

export const JOB_COLUMNS = [
  'id',
  'kind',
  'customer_pubkey',
  'status',
  'price_msats',
  'input_hash',
  'output_hash',
  'error_message',
  'started_at',
  'completed_at',
  'created_at',
] as const satisfies (keyof Job)[];

export const NEW_TICK_COLUMNS = [
  'agent_npub',
  'tick_number',
  'prompt_tokens',
  'completion_tokens',
  'actions_json',
  'cost_sats',
  'duration_ms',
  'created_at',
] as const satisfies (keyof Tick)[];

const columns = JOB_COLUMNS.join(', ');
const marks = (list: readonly string[]) => list.map(() => '?').join(', ');

/** The statements that somebody writes by hand, in the order of their values. */
export const SQL = {
  getJob: `select ${columns} from jobs where id = ?`,
  insertJob: `insert into jobs (${columns}) values (${marks(JOB_COLUMNS)})`,
  completeJob: `update jobs set status = 'completed', output_hash = coalesce(?, output_hash),
    price_msats = ?, error_message = null, completed_at = ?
    where id = ? and status in ('pending', 'processing') returning ${columns}`,
  listJobs: `select ${columns} from jobs where status = ?
    order by created_at desc, id desc limit ?`,
  claimJob: `update jobs set status = 'processing', started_at = ?, completed_at = null
    where id = (select id from jobs where status = 'pending' order by created_at, id limit 1)
    returning ${columns}`,
  countTick: `update agents set tick_count = tick_count + 1, last_tick_at = ?, updated_at = ?
    where npub = ?`,
  insertTick: `insert into tick_history (${NEW_TICK_COLUMNS.join(', ')})
    values (${marks(NEW_TICK_COLUMNS)})`,
  tickHistory: `select id, ${NEW_TICK_COLUMNS.join(', ')} from tick_history where agent_npub = ?
    order by tick_number desc, id desc limit ?`,
  rollupDays: `select earned_at / 86400 as day, source, sum(amount_msats) as amount,
      count(*) as count
    from earnings where earned_at between ? and ? group by 1, 2`,
} as const;

interface Totals {
  readonly counts: string;
  readonly total: string;
  readonly sources: string;
  readonly paidJobs: string;
}

/** How totals are found: by a look at the rollups, or by going over the history. */
export const TOTALS: Record<Schema, Totals> = {
  ours: {
    counts: 'select status, count from pylon_db_job_totals',
    total: `select sum(amount_high) * 4294967296 + sum(amount_low) from pylon_db_earning_totals`,
    sources: `select source, amount_high * 4294967296 + amount_low as amount
      from pylon_db_earning_totals`,
    paidJobs: 'select count from pylon_db_paid_jobs',
  },
  published: {
    counts: 'select status, count(*) as count from jobs group by status',
    total: 'select sum(amount_msats) from earnings',
    sources: 'select source, sum(amount_msats) as amount from earnings group by source',
    paidJobs: 'select count(distinct job_id) from earnings',
  },
};
