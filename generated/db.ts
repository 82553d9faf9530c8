/**
 * Generated from the database schema; do not edit. After a migration: npm run codegen
 */

import type { ColumnType } from 'kysely';

export type Generated<T> =
  T extends ColumnType<infer S, infer I, infer U>
    ? ColumnType<S, I | undefined, U>
    : ColumnType<T, T | undefined, T>;

export type LifecycleState = 'embryonic' | 'active' | 'dormant' | 'terminated';

export const LIFECYCLE_STATES = [
  'embryonic',
  'active',
  'dormant',
  'terminated',
] as const satisfies readonly LifecycleState[];

export type EarningSource = 'job' | 'tip' | 'other';

export const EARNING_SOURCES = ['job', 'tip', 'other'] as const satisfies readonly EarningSource[];

export type JobStatus = 'pending' | 'processing' | 'completed' | 'failed' | 'cancelled';

export const JOB_STATUSES = [
  'pending',
  'processing',
  'completed',
  'failed',
  'cancelled',
] as const satisfies readonly JobStatus[];

export interface Agents {
  balance_sats: Generated<number>;
  created_at: Generated<number>;
  goals_json: string | null;
  last_tick_at: number | null;
  lifecycle_state: LifecycleState;
  memory_json: string | null;
  name: string;
  npub: string;
  tick_count: Generated<number>;
  updated_at: Generated<number>;
}

export interface Earnings {
  amount_msats: number;
  earned_at: Generated<number>;
  id: string;
  job_id: string | null;
  payment_hash: string | null;
  preimage: string | null;
  source: EarningSource;
}

export interface Jobs {
  completed_at: number | null;
  created_at: Generated<number>;
  customer_pubkey: string;
  error_message: string | null;
  id: string;
  input_hash: string | null;
  kind: number;
  output_hash: string | null;
  price_msats: Generated<number>;
  started_at: number;
  status: JobStatus;
}

export interface Migrations {
  applied_at: Generated<number>;
  id: Generated<number>;
  name: string;
}

export interface PylonDbEarningTotals {
  amount_high: number;
  amount_low: number;
  count: number;
  source: string;
}

export interface PylonDbIdentity {
  id: number;
  identity: string;
}

export interface PylonDbJobTotals {
  count: number;
  status: string;
}

export interface PylonDbPaidJobs {
  count: number;
  id: Generated<number>;
}

export interface TickHistory {
  actions_json: string | null;
  agent_npub: string;
  completion_tokens: number | null;
  cost_sats: number | null;
  created_at: Generated<number>;
  duration_ms: number | null;
  id: Generated<number>;
  prompt_tokens: number | null;
  tick_number: number;
}

export type DB = {
  agents: Agents;
  earnings: Earnings;
  jobs: Jobs;
  migrations: Migrations;
  pylon_db_earning_totals: PylonDbEarningTotals;
  pylon_db_identity: PylonDbIdentity;
  pylon_db_job_totals: PylonDbJobTotals;
  pylon_db_paid_jobs: PylonDbPaidJobs;
  tick_history: TickHistory;
};
