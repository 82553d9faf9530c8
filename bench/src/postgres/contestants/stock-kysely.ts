import { Kysely, PostgresDialect, sql } from 'kysely';
import type { DB } from '../../../../src/index.js';
import { NOW } from '../../contestant.js';
import type { ServerEntry } from '../contestant.js';
import { openPool } from './pool.js';

/** Kysely with the dialect that it ships, as its documentation writes queries. */
export const stockKysely: ServerEntry = {
  name: 'Kysely',
  async open(url, connections) {
    const pool = openPool(url, connections);
    const db = new Kysely<DB>({ dialect: new PostgresDialect({ pool }) });
    return {
      getJob: (id) => db.selectFrom('jobs').selectAll().where('id', '=', id).executeTakeFirst(),
      async insertJob(job) {
        await db.insertInto('jobs').values(job).execute();
        return { ...job };
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
              .limit(1)
              .forUpdate()
              .skipLocked(),
          )
          .returningAll()
          .executeTakeFirst(),
      recordTick: (npub, tick) =>
        db.transaction().execute(async (tx) => {
          await tx
            .updateTable('agents')
            .set({ tick_count: sql`tick_count + 1`, last_tick_at: NOW, updated_at: NOW })
            .where('npub', '=', npub)
            .executeTakeFirstOrThrow();
          const row = { agent_npub: npub, ...tick, created_at: NOW };
          const { id } = await tx
            .insertInto('tick_history')
            .values(row)
            .returning('id')
            .executeTakeFirstOrThrow();
          return { id, ...row };
        }),
      close: () => db.destroy(),
    };
  },
};
