import Database from 'better-sqlite3';
import { type Contestant, type Entry, type Job, NOW, type Tick } from '../contestant.js';
import {
  type DayTotal,
  type SourceTotal,
  type StatusCount,
  toCounts,
  toDays,
  toSummary,
} from './results.js';
import { JOB_COLUMNS, SQL, TOTALS } from './sql.js';

// As published: no second order, so that ties come in any order.
const LIST = `select ${JOB_COLUMNS.join(', ')} from jobs where status = ?
  order by created_at desc limit ?`;

/** The original's way: every call prepares its statements anew, and each commits by itself. */
export const original: Entry = {
  name: "the original's way",
  schema: 'published',
  async open(path): Promise<Contestant> {
    const db = new Database(path, { fileMustExist: true });
    db.pragma('journal_mode = wal');
    db.pragma('synchronous = normal');
    const insertJob = (job: Job): Job => {
      db.prepare(SQL.insertJob).run(...JOB_COLUMNS.map((column) => job[column]));
      return { ...job };
    };
    return {
      getJob: async (id) => db.prepare<[string], Job>(SQL.getJob).get(id),
      insertJob: async (job) => insertJob(job),
      insertJobs: async (jobs) => jobs.map(insertJob),
      async completeJob(id, output_hash, price_msats) {
        const complete = db.prepare<[string, number, number, string], Job>(SQL.completeJob);
        const job = complete.get(output_hash, price_msats, NOW, id);
        if (job === undefined) throw new Error(`job ${id} can't be completed`);
        return job;
      },
      listJobs: async (status, limit) => db.prepare<[string, number], Job>(LIST).all(status, limit),
      claimJob: async () => db.prepare<[number], Job>(SQL.claimJob).get(NOW),
      async recordTick(npub, tick): Promise<Tick> {
        const { lastInsertRowid } = db
          .prepare(SQL.insertTick)
          .run(
            npub,
            tick.tick_number,
            tick.prompt_tokens,
            tick.completion_tokens,
            tick.actions_json,
            tick.cost_sats,
            tick.duration_ms,
            NOW,
          );
        db.prepare(SQL.countTick).run(NOW, NOW, npub);
        return { id: Number(lastInsertRowid), agent_npub: npub, ...tick, created_at: NOW };
      },
      tickHistory: async (npub, limit) =>
        db.prepare<[string, number], Tick>(SQL.tickHistory).all(npub, limit),
      countByStatus: async () =>
        toCounts(db.prepare<[], StatusCount>(TOTALS.published.counts).all()),
      total: async () => db.prepare<[], number>(TOTALS.published.total).pluck().get() ?? 0,
      summary: async () =>
        toSummary(
          db.prepare<[], SourceTotal>(TOTALS.published.sources).all(),
          db.prepare<[], number>(TOTALS.published.paidJobs).pluck().get() ?? 0,
        ),
      rollupDays: async (start, end) =>
        toDays(db.prepare<[number, number], DayTotal>(SQL.rollupDays).all(start, end), start, end),
      async close() {
        db.close();
      },
    };
  },
};
