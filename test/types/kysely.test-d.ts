import type { Kysely, Transaction } from 'kysely';
import { describe, expectTypeOf, it } from 'vitest';
import type { DB, JobStatus, PylonDb } from '../../src/index.js';

declare const db: PylonDb;

describe('db.kysely', () => {
  it('is typed by the schema', () => {
    expectTypeOf(db.kysely).toExtend<Kysely<DB>>();
    expectTypeOf<keyof DB>().toEqualTypeOf<
      | 'agents'
      | 'earnings'
      | 'jobs'
      | 'migrations'
      | 'pylon_db_earning_totals'
      | 'pylon_db_identity'
      | 'pylon_db_job_totals'
      | 'pylon_db_paid_jobs'
      | 'tick_history'
    >();
  });

  it('gives rows of what is selected', () => {
    const query = db.kysely.selectFrom('jobs').select(['id', 'status', 'completed_at as ended_at']);
    expectTypeOf(query.execute()).resolves.toEqualTypeOf<
      { id: string; status: JobStatus; ended_at: number | null }[]
    >();
  });

  it('is typed inside a transaction too', () => {
    db.transaction(async (tx) => {
      expectTypeOf(tx.kysely).toExtend<Transaction<DB>>();
      const query = tx.kysely.selectFrom('agents').select('balance_sats');
      expectTypeOf(query.executeTakeFirstOrThrow()).resolves.toEqualTypeOf<{
        balance_sats: number;
      }>();
    });
    db.kysely.transaction().execute(async (trx) => {
      expectTypeOf(trx).toEqualTypeOf<Transaction<DB>>();
    });
  });

  it('compiles no wrong table, column or value', () => {
    // @ts-expect-error
    db.kysely.selectFrom('job').selectAll();
    // @ts-expect-error
    db.kysely.selectFrom('jobs').select('colour');
    // @ts-expect-error
    db.kysely.selectFrom('jobs').selectAll().where('status', '=', 'finished');
    // @ts-expect-error
    db.kysely.updateTable('jobs').set({ price_msats: 'much' });
    // @ts-expect-error
    db.kysely.updateTable('agents').set({ lifecycle_state: 'asleep' });
    // @ts-expect-error: kind and others are missing
    db.kysely.insertInto('jobs').values({ id: 'a' });
  });
});
