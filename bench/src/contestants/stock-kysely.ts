import { Kysely, SqliteDialect, sql } from 'kysely';
import type { DB } from '../../../src/index.js';
import { type Contestant, type Entry, NOW } from '../contestant.js';
import { openDatabase } from './database.js';
import { toCounts, toDays, toSourceTotals, toSummary, toTotal } from './results.js';

/** Kysely with the dialect that it ships, as its documentation writes queries. */
export const stockKysely: Entry = {
  name: 'Kysely',
  schema: 'ours',
  async open(path): Promise<Contestant> {
    const db = new Kysely<DB>({ dialect: new SqliteDialect({ database: openDatabase(path) }) });
    return {
      getJob: (id) => db.selectFrom('jobs').selectAll().where('id', '=', id).executeTakeFirst(),
      async insertJob(job) {
        await db.insertInto('jobs').values(job).execute();
        return { ...job };
      },
      async insertJobs(jobs) {
        await db.transaction().execute(async (tx) => {
          for (const job of jobs) await tx.insertInto('jobs').values(job).execute();
        });
        return jobs.map((job) => ({ ...job }));
      },
      completeJob: (id, output_hash, price_msats) =>
        db
          .updateTable('jobs')
          .set({
            status: 'completed',
            output_hash,
            price_msats,
            error_message: null,
            completed_at: NOW,
          })
          .where('id', '=', id)
          .where('status', 'in', ['pending', 'processing'])
          .returningAll()
          .executeTakeFirstOrThrow(),
      listJobs: (status, limit) =>
        db
          .selectFrom('jobs')
          .selectAll()
          .where('status', '=', status)
          .orderBy('created_at', 'desc')
          .orderBy('id', 'desc')
          .limit(limit)
          .execute(),
      claimJob: () =>
        db
          .updateTable('jobs')
          .set({ status: 'processing', started_at: NOW, completed_at: null })
          .where('id', '=', (eb) =>
            eb
              .selectFrom('jobs as oldest')
              .select('oldest.id')
              .where('oldest.status', '=', 'pending')
              .orderBy('oldest.created_at')
              .orderBy('oldest.id')
              .limit(1),
          )
          .returningAll()
          .executeTakeFirst(),
      recordTick: (npub, tick) =>
        db.transaction().execute(async (tx) => {
          await tx
            .updateTable('agents')
            .set((eb) => ({
              tick_count: eb('tick_count', '+', 1),
              last_tick_at: NOW,
              updated_at: NOW,
            }))
            .where('npub', '=', npub)
            .execute();
          const row = { agent_npub: npub, ...tick, created_at: NOW };
          const { id } = await tx
            .insertInto('tick_history')
            .values(row)
            .returning('id')
            .executeTakeFirstOrThrow();
          return { id, ...row };
        }),
      tickHistory: (npub, limit) =>
        db
          .selectFrom('tick_history')
          .selectAll()
          .where('agent_npub', '=', npub)
          .orderBy('tick_number', 'desc')
          .orderBy('id', 'desc')
          .limit(limit)
          .execute(),
      countByStatus: async () =>
        toCounts(await db.selectFrom('pylon_db_job_totals').selectAll().execute()),
      async total() {
        const sources = await db.selectFrom('pylon_db_earning_totals').selectAll().execute();
        return toTotal(toSourceTotals(sources));
      },
      async summary() {
        const sources = await db.selectFrom('pylon_db_earning_totals').selectAll().execute();
        const paid = await db.selectFrom('pylon_db_paid_jobs').selectAll().executeTakeFirst();
        return toSummary(toSourceTotals(sources), paid?.count ?? 0);
      },
      async rollupDays(start, end) {
        const rows = await db
          .selectFrom('earnings')
          .select((eb) => [
            sql<number>`earned_at / 86400`.as('day'),
            'source',
            eb.fn.sum<number>('amount_msats').as('amount'),
            eb.fn.countAll<number>().as('count'),
          ])
          .where((eb) => eb.between('earned_at', start, end))
          .groupBy(['day', 'source'])
          .execute();
        return toDays(rows, start, end);
      },
      close: () => db.destroy(),
    };
  },
};
