import { and, asc, between, count, desc, eq, inArray, sql, sum } from 'drizzle-orm';
import { type BetterSQLite3Database, drizzle } from 'drizzle-orm/better-sqlite3';
import { type Contestant, type Entry, NOW } from '../contestant.js';
import { openDatabase } from './database.js';
import {
  agents,
  earnings,
  earningTotals,
  jobs,
  jobTotals,
  paidJobs,
  ticks,
} from './drizzle-tables.js';
import { toCounts, toDays, toSourceTotals, toSummary, toTotal } from './results.js';

const { placeholder } = sql;
const COMPLETABLE = ['pending', 'processing'] as const;
const completed = { status: 'completed', error_message: null, completed_at: NOW } as const;
const claimed = { status: 'processing', started_at: NOW, completed_at: null } as const;
const counted = {
  tick_count: sql`${agents.tick_count} + 1`,
  last_tick_at: NOW,
  updated_at: NOW,
};

const oldestPending = (db: BetterSQLite3Database) =>
  db
    .select({ id: jobs.id })
    .from(jobs)
    .where(eq(jobs.status, 'pending'))
    .orderBy(asc(jobs.created_at), asc(jobs.id))
    .limit(1);

const day = sql<number>`${earnings.earned_at} / 86400`;
const dayTotals = {
  day,
  source: earnings.source,
  amount: sum(earnings.amount_msats).mapWith(Number),
  count: count(),
};

/** Drizzle, each call building its query. */
export const drizzlePlain: Entry = {
  name: 'Drizzle',
  schema: 'ours',
  async open(path): Promise<Contestant> {
    const client = openDatabase(path);
    const db = drizzle({ client });
    return {
      getJob: async (id) => db.select().from(jobs).where(eq(jobs.id, id)).get(),
      async insertJob(job) {
        db.insert(jobs).values(job).run();
        return { ...job };
      },
      async insertJobs(rows) {
        db.transaction((tx) => {
          for (const job of rows) tx.insert(jobs).values(job).run();
        });
        return rows.map((job) => ({ ...job }));
      },
      completeJob: async (id, output_hash, price_msats) =>
        db
          .update(jobs)
          .set({ ...completed, output_hash, price_msats })
          .where(and(eq(jobs.id, id), inArray(jobs.status, [...COMPLETABLE])))
          .returning()
          .get(),
      listJobs: async (status, limit) =>
        db
          .select()
          .from(jobs)
          .where(eq(jobs.status, status))
          .orderBy(desc(jobs.created_at), desc(jobs.id))
          .limit(limit)
          .all(),
      claimJob: async () =>
        db
          .update(jobs)
          .set(claimed)
          .where(eq(jobs.id, oldestPending(db)))
          .returning()
          .get(),
      recordTick: async (npub, tick) =>
        db.transaction(
          (tx) => {
            tx.update(agents).set(counted).where(eq(agents.npub, npub)).run();
            const row = { agent_npub: npub, ...tick, created_at: NOW };
            const { id } = tx.insert(ticks).values(row).returning({ id: ticks.id }).get();
            return { id, ...row };
          },
          { behavior: 'immediate' },
        ),
      tickHistory: async (npub, limit) =>
        db
          .select()
          .from(ticks)
          .where(eq(ticks.agent_npub, npub))
          .orderBy(desc(ticks.tick_number), desc(ticks.id))
          .limit(limit)
          .all(),
      countByStatus: async () => toCounts(db.select().from(jobTotals).all()),
      total: async () => toTotal(toSourceTotals(db.select().from(earningTotals).all())),
      async summary() {
        const sources = db.select().from(earningTotals).all();
        const paid = db.select().from(paidJobs).get();
        return toSummary(toSourceTotals(sources), paid?.count ?? 0);
      },
      async rollupDays(start, end) {
        const rows = db
          .select(dayTotals)
          .from(earnings)
          .where(between(earnings.earned_at, start, end))
          .groupBy(day, earnings.source)
          .all();
        return toDays(rows, start, end);
      },
      async close() {
        client.close();
      },
    };
  },
};

/** Drizzle with its prepared statements. */
export const drizzlePrepared: Entry = {
  name: 'Drizzle prepared',
  schema: 'ours',
  async open(path): Promise<Contestant> {
    const client = openDatabase(path);
    const db = drizzle({ client });
    const statements = prepareAll(db);
    return {
      getJob: async (id) => statements.getJob.get({ id }),
      async insertJob(job) {
        statements.insertJob.run(job);
        return { ...job };
      },
      async insertJobs(rows) {
        db.transaction(() => {
          for (const job of rows) statements.insertJob.run(job);
        });
        return rows.map((job) => ({ ...job }));
      },
      completeJob: async (id, output_hash, price_msats) =>
        statements.completeJob.get({ id, output_hash, price_msats }),
      listJobs: async (status, limit) => statements.listJobs.all({ status, limit }),
      claimJob: async () => statements.claimJob.get(),
      recordTick: async (npub, tick) =>
        db.transaction(
          () => {
            statements.countTick.run({ npub });
            const row = { agent_npub: npub, ...tick, created_at: NOW };
            const { id } = statements.insertTick.get(row);
            return { id, ...row };
          },
          { behavior: 'immediate' },
        ),
      tickHistory: async (npub, limit) => statements.tickHistory.all({ npub, limit }),
      countByStatus: async () => toCounts(statements.counts.all()),
      total: async () => toTotal(toSourceTotals(statements.sources.all())),
      summary: async () =>
        toSummary(toSourceTotals(statements.sources.all()), statements.paidJobs.get()?.count ?? 0),
      rollupDays: async (start, end) =>
        toDays(statements.rollupDays.all({ start, end }), start, end),
      async close() {
        client.close();
      },
    };
  },
};

function prepareAll(db: BetterSQLite3Database) {
  const job = {
    id: placeholder('id'),
    kind: placeholder('kind'),
    customer_pubkey: placeholder('customer_pubkey'),
    status: placeholder('status'),
    price_msats: placeholder('price_msats'),
    input_hash: placeholder('input_hash'),
    output_hash: placeholder('output_hash'),
    error_message: placeholder('error_message'),
    started_at: placeholder('started_at'),
    completed_at: placeholder('completed_at'),
    created_at: placeholder('created_at'),
  };
  const tick = {
    agent_npub: placeholder('agent_npub'),
    tick_number: placeholder('tick_number'),
    prompt_tokens: placeholder('prompt_tokens'),
    completion_tokens: placeholder('completion_tokens'),
    actions_json: placeholder('actions_json'),
    cost_sats: placeholder('cost_sats'),
    duration_ms: placeholder('duration_ms'),
    created_at: placeholder('created_at'),
  };
  return {
    getJob: db
      .select()
      .from(jobs)
      .where(eq(jobs.id, placeholder('id')))
      .prepare(),
    insertJob: db.insert(jobs).values(job).prepare(),
    completeJob: db
      .update(jobs)
      .set({
        ...completed,
        output_hash: sql`${placeholder('output_hash')}`,
        price_msats: sql`${placeholder('price_msats')}`,
      })
      .where(and(eq(jobs.id, placeholder('id')), inArray(jobs.status, [...COMPLETABLE])))
      .returning()
      .prepare(),
    listJobs: db
      .select()
      .from(jobs)
      .where(eq(jobs.status, placeholder('status')))
      .orderBy(desc(jobs.created_at), desc(jobs.id))
      .limit(placeholder('limit'))
      .prepare(),
    claimJob: db
      .update(jobs)
      .set(claimed)
      .where(eq(jobs.id, oldestPending(db)))
      .returning()
      .prepare(),
    countTick: db
      .update(agents)
      .set(counted)
      .where(eq(agents.npub, placeholder('npub')))
      .prepare(),
    insertTick: db.insert(ticks).values(tick).returning({ id: ticks.id }).prepare(),
    tickHistory: db
      .select()
      .from(ticks)
      .where(eq(ticks.agent_npub, placeholder('npub')))
      .orderBy(desc(ticks.tick_number), desc(ticks.id))
      .limit(placeholder('limit'))
      .prepare(),
    counts: db.select().from(jobTotals).prepare(),
    sources: db.select().from(earningTotals).prepare(),
    paidJobs: db.select().from(paidJobs).prepare(),
    rollupDays: db
      .select(dayTotals)
      .from(earnings)
      .where(between(earnings.earned_at, placeholder('start'), placeholder('end')))
      .groupBy(day, earnings.source)
      .prepare(),
  };
}
