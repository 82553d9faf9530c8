import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import type { JobStatus } from '../contestant.js';

export const jobs = sqliteTable('jobs', {
  id: text().primaryKey(),
  kind: integer().notNull(),
  customer_pubkey: text().notNull(),
  status: text().$type<JobStatus>().notNull(),
  price_msats: integer().notNull(),
  input_hash: text(),
  output_hash: text(),
  error_message: text(),
  started_at: integer().notNull(),
  completed_at: integer(),
  created_at: integer().notNull(),
});

export const earnings = sqliteTable('earnings', {
  id: text().primaryKey(),
  job_id: text(),
  amount_msats: integer().notNull(),
  source: text().notNull(),
  payment_hash: text(),
  preimage: text(),
  earned_at: integer().notNull(),
});

export const agents = sqliteTable('agents', {
  npub: text().primaryKey(),
  tick_count: integer().notNull(),
  last_tick_at: integer(),
  updated_at: integer().notNull(),
});

export const ticks = sqliteTable('tick_history', {
  id: integer().primaryKey({ autoIncrement: true }),
  agent_npub: text().notNull(),
  tick_number: integer().notNull(),
  prompt_tokens: integer(),
  completion_tokens: integer(),
  actions_json: text(),
  cost_sats: integer(),
  duration_ms: integer(),
  created_at: integer().notNull(),
});

export const jobTotals = sqliteTable('pylon_db_job_totals', {
  status: text().primaryKey(),
  count: integer().notNull(),
});

export const earningTotals = sqliteTable('pylon_db_earning_totals', {
  source: text().primaryKey(),
  amount_high: integer().notNull(),
  amount_low: integer().notNull(),
});

export const paidJobs = sqliteTable('pylon_db_paid_jobs', { count: integer().notNull() });
