import type { EarningsBucket, EarningsSummary, Job, JobStatus, Tick } from '../../src/index.js';

export type { EarningsBucket, EarningsSummary, Job, JobStatus, Tick };

/** A tick as every contestant stores it: numbered, and charged to nobody. */
export type NewTick = Omit<Tick, 'id' | 'agent_npub' | 'created_at'>;

/** The published tables alone, or with our indexes and rollups. */
export type Schema = 'ours' | 'published';

/** What is measured. Every contestant gives the same results and stores the same rows. */
export interface Contestant {
  getJob(id: string): Promise<Job | undefined>;
  insertJob(job: Job): Promise<Job>;
  /** Many at once, in one transaction where the contestant has them. */
  insertJobs(jobs: readonly Job[]): Promise<Job[]>;
  completeJob(id: string, output_hash: string, price_msats: number): Promise<Job>;
  /** The newest jobs of a status. */
  listJobs(status: JobStatus, limit: number): Promise<Job[]>;
  /** Takes the oldest pending job to `processing`. */
  claimJob(): Promise<Job | undefined>;
  /** A tick, and its agent's counters. */
  recordTick(npub: string, tick: NewTick): Promise<Tick>;
  /** An agent's newest ticks. */
  tickHistory(npub: string, limit: number): Promise<Tick[]>;
  countByStatus(): Promise<Record<JobStatus, number>>;
  total(): Promise<number>;
  summary(): Promise<EarningsSummary>;
  /** Earnings by UTC day; both ends inclusive. */
  rollupDays(start: number, end: number): Promise<EarningsBucket[]>;
  close(): Promise<void>;
}

/** A contestant before its database is opened. */
export interface Entry {
  readonly name: string;
  readonly schema: Schema;
  open(path: string): Promise<Contestant>;
}

/** The time that every contestant writes, so that their tables can be compared. */
export const NOW = 1_790_000_000;
