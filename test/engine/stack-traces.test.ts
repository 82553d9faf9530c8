import { type QueryCreator, sql } from 'kysely';
import { expect, it } from 'vitest';
import { type DB, isPylonDbError, type PylonDb, prepared } from '../../src/index.js';
import { type TestDatabase, testDatabase } from '../database.js';
import { rejection } from './failure.js';
import { job } from './fresh.js';

/** How a call fails: what stands before it, and its caller, whom the stack must name. */
interface Case {
  readonly code: string;
  readonly prepare?: (database: TestDatabase) => Promise<void>;
  readonly call: (db: PylonDb) => Promise<unknown>;
}

const corruptJob = ({ writeByAnother }: TestDatabase) =>
  writeByAnother(
    `insert into jobs (id, kind, customer_pubkey, status, started_at)
     values ('bad', 1, 'c', 'lost', 1)`,
  );

const insertWithoutCustomer = prepared((tables: QueryCreator<DB>) =>
  tables.insertInto('jobs').values({
    id: 'a',
    kind: 1,
    customer_pubkey: sql`null`,
    status: 'pending',
    started_at: 1,
  }),
);

const cases: Readonly<Record<string, Case>> = {
  'bad input': {
    code: 'INVALID_ARGUMENT',
    call: async (db) => await db.jobs.create({ ...job('a'), kind: 1.5 }),
  },
  'a broken rule of the schema': {
    code: 'ALREADY_EXISTS',
    prepare: corruptJob,
    call: async (db) => await db.jobs.create(job('bad')),
  },
  'a broken rule of the schema in a query': {
    code: 'INVALID_ARGUMENT',
    call: async (db) => await sql`insert into jobs (id) values ('a')`.execute(db.kysely),
  },
  'a broken rule of the schema in a prepared query': {
    code: 'INVALID_ARGUMENT',
    call: async (db) => await db.batch([insertWithoutCustomer()]),
  },
  'an unknown id': {
    code: 'NOT_FOUND',
    call: async (db) => await db.agents.updateBalance('nobody', 1),
  },
  'a forbidden change of status': {
    code: 'NOT_FOUND',
    call: async (db) => await db.jobs.complete('nobody', { price_msats: 1 }),
  },
  'a unit of several statements': {
    code: 'NOT_FOUND',
    call: async (db) => await db.agents.recordTick('nobody', { tick_number: 1 }),
  },
  'a corrupt row': {
    code: 'CORRUPT_ROW',
    prepare: corruptJob,
    call: async (db) => await db.jobs.get('bad'),
  },
  'a corrupt row in a list': {
    code: 'CORRUPT_ROW',
    prepare: corruptJob,
    call: async (db) => await db.jobs.list(),
  },
  'SQL that is none': {
    code: 'INVALID_ARGUMENT',
    call: async (db) => await sql`select nonsense`.execute(db.kysely),
  },
  'an error inside a transaction': {
    code: 'NOT_FOUND',
    call: async (db) =>
      await db.transaction(async (tx) => await tx.agents.updateBalance('nobody', 1)),
  },
  'a query after its transaction': {
    code: 'TRANSACTION_ENDED',
    call: async (db) => {
      const leaked = await db.transaction(async (tx) => ({ tx }));
      return await leaked.tx.jobs.list();
    },
  },
};

it.each(Object.entries(cases))('the stack of %s names the caller', async (_, one) => {
  const database = await testDatabase();
  const { db } = database;
  await one.prepare?.(database);
  async function theCaller(): Promise<void> {
    await one.call(db);
  }
  const error = await rejection(theCaller());
  expect(error).toMatchObject({ code: one.code, name: 'PylonDbError' });
  const stack = isPylonDbError(error) ? error.stack : undefined;
  expect(stack).toContain('stack-traces.test.ts');
  expect(stack).toContain('theCaller');
});
