import {
  type Contestant,
  type Entry,
  type Job,
  type JobStatus,
  type NewTick,
  NOW,
  type Schema,
  type Tick,
} from '../contestant.js';
import { openDatabase } from './database.js';
import {
  type DayTotal,
  type SourceTotal,
  type StatusCount,
  toCounts,
  toDays,
  toSummary,
} from './results.js';
import { SQL, TOTALS } from './sql.js';

/** What a careful programmer writes over better-sqlite3: statements prepared once, no checks. */
class HandWritten implements Contestant {
  readonly #db;
  readonly #getJob;
  readonly #insertJob;
  readonly #insertJobs;
  readonly #completeJob;
  readonly #listJobs;
  readonly #claimJob;
  readonly #recordTick;
  readonly #tickHistory;
  readonly #counts;
  readonly #total;
  readonly #sources;
  readonly #paidJobs;
  readonly #rollupDays;

  constructor(path: string, schema: Schema) {
    const db = openDatabase(path);
    this.#db = db;
    this.#getJob = db.prepare<[string], Job>(SQL.getJob);
    this.#insertJob = db.prepare<unknown[]>(SQL.insertJob);
    this.#insertJobs = db.transaction((jobs: readonly Job[]) => jobs.map((job) => this.#add(job)));
    this.#completeJob = db.prepare<[string, number, number, string], Job>(SQL.completeJob);
    this.#listJobs = db.prepare<[string, number], Job>(SQL.listJobs);
    this.#claimJob = db.prepare<[number], Job>(SQL.claimJob);
    const countTick = db.prepare<[number, number, string]>(SQL.countTick);
    const insertTick = db.prepare<unknown[]>(SQL.insertTick);
    this.#recordTick = db.transaction((npub: string, tick: NewTick): Tick => {
      if (countTick.run(NOW, NOW, npub).changes === 0) throw new Error(`no agent ${npub}`);
      const { lastInsertRowid } = insertTick.run(
        npub,
        tick.tick_number,
        tick.prompt_tokens,
        tick.completion_tokens,
        tick.actions_json,
        tick.cost_sats,
        tick.duration_ms,
        NOW,
      );
      return { id: Number(lastInsertRowid), agent_npub: npub, ...tick, created_at: NOW };
    }).immediate;
    this.#tickHistory = db.prepare<[string, number], Tick>(SQL.tickHistory);
    this.#counts = db.prepare<[], StatusCount>(TOTALS[schema].counts);
    this.#total = db.prepare<[], number>(TOTALS[schema].total).pluck();
    this.#sources = db.prepare<[], SourceTotal>(TOTALS[schema].sources);
    this.#paidJobs = db.prepare<[], number>(TOTALS[schema].paidJobs).pluck();
    this.#rollupDays = db.prepare<[number, number], DayTotal>(SQL.rollupDays);
  }

  async getJob(id: string): Promise<Job | undefined> {
    return this.#getJob.get(id);
  }

  async insertJob(job: Job): Promise<Job> {
    return this.#add(job);
  }

  async insertJobs(jobs: readonly Job[]): Promise<Job[]> {
    return this.#insertJobs.immediate(jobs);
  }

  async completeJob(id: string, output_hash: string, price_msats: number): Promise<Job> {
    const job = this.#completeJob.get(output_hash, price_msats, NOW, id);
    if (job === undefined) throw new Error(`job ${id} can't be completed`);
    return job;
  }

  async listJobs(status: JobStatus, limit: number): Promise<Job[]> {
    return this.#listJobs.all(status, limit);
  }

  async claimJob(): Promise<Job | undefined> {
    return this.#claimJob.get(NOW);
  }

  async recordTick(npub: string, tick: NewTick): Promise<Tick> {
    return this.#recordTick(npub, tick);
  }

  async tickHistory(npub: string, limit: number): Promise<Tick[]> {
    return this.#tickHistory.all(npub, limit);
  }

  async countByStatus() {
    return toCounts(this.#counts.all());
  }

  async total() {
    return this.#total.get() ?? 0;
  }

  async summary() {
    return toSummary(this.#sources.all(), this.#paidJobs.get() ?? 0);
  }

  async rollupDays(start: number, end: number) {
    return toDays(this.#rollupDays.all(start, end), start, end);
  }

  async close(): Promise<void> {
    this.#db.close();
  }

  #add(job: Job): Job {
    this.#insertJob.run(
      job.id,
      job.kind,
      job.customer_pubkey,
      job.status,
      job.price_msats,
      job.input_hash,
      job.output_hash,
      job.error_message,
      job.started_at,
      job.completed_at,
      job.created_at,
    );
    return { ...job };
  }
}

/** The yardstick: hand-written better-sqlite3 on our schema. */
export const handWritten: Entry = {
  name: 'hand-written',
  schema: 'ours',
  open: async (path) => new HandWritten(path, 'ours'),
};

/** The same on the published tables and indexes alone. */
export const handWrittenPublished: Entry = {
  name: 'hand-written, published',
  schema: 'published',
  open: async (path) => new HandWritten(path, 'published'),
};
