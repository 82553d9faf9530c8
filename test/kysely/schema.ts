import { Kysely, sql, Transaction } from 'kysely';
import { collect, type Queries } from './query.js';

/** Transactions, DDL, views and full text. */
export const SCHEMA: Queries = {
  isTransaction: (k) => k.isTransaction,
  trx: (k) =>
    k.transaction().execute(async (t) => {
      await t.insertInto('notes').values({ text: 'trx' }).execute();
      return [
        t.isTransaction,
        t instanceof Transaction,
        t instanceof Kysely,
        await t.selectFrom('notes').select('text').where('text', '=', 'trx').execute(),
      ];
    }),
  instanceofKysely: (k) => k instanceof Kysely,
  trxRollback: async (k) => {
    await k.transaction().execute(async (t) => {
      await t.insertInto('notes').values({ text: 'trxrb' }).execute();
      throw new Error('rb');
    });
  },
  trxRolledBack: (k) => k.selectFrom('notes').select('id').where('text', '=', 'trxrb').execute(),
  trxIsolation: (k) =>
    k
      .transaction()
      .setIsolationLevel('serializable')
      .execute(async () => 1),
  trxCaughtError: (k) =>
    k.transaction().execute(async (t) => {
      await t.insertInto('notes').values({ text: 'tce' }).execute();
      await t
        .insertInto('notes')
        .values({ text: 'a' })
        .execute()
        .catch(() => 0);
      return await t.selectFrom('notes').select('text').where('text', '=', 'tce').execute();
    }),
  trxReturnsRows: (k) =>
    k
      .transaction()
      .execute((t) => t.selectFrom('jobs').select('id').where('id', '=', 'j01').executeTakeFirst()),
  trxStream: (k) =>
    k
      .transaction()
      .execute((t) => collect(t.selectFrom('jobs').select('id').orderBy('id').limit(2).stream())),
  trxLastRowid: (k) =>
    k.transaction().execute(async (t) => {
      await t.insertInto('notes').values({ text: 'tlr' }).execute();
      return (await sql`select last_insert_rowid() > 0 as ok, changes() as c`.execute(t)).rows;
    }),
  trxDdl: (k) =>
    k.transaction().execute(async (t) => {
      await t.schema
        .createTable('ddl1')
        .addColumn('id', 'integer', (c) => c.primaryKey())
        .execute();
      return await t.selectFrom('ddl1').selectAll().execute();
    }),
  schemaCreate: (k) =>
    k.schema
      .createTable('own')
      .addColumn('id', 'integer', (c) => c.primaryKey().autoIncrement())
      .addColumn('x', 'text', (c) => c.notNull().defaultTo('d'))
      .execute(),
  schemaCreateIfNot: (k) =>
    k.schema.createTable('own').ifNotExists().addColumn('id', 'integer').execute(),
  schemaCreateDup: (k) => k.schema.createTable('own').addColumn('id', 'integer').execute(),
  schemaIndex: (k) =>
    k.schema.createIndex('own_x').on('own').columns(['x']).where('x', '!=', 'q').unique().execute(),
  schemaView: (k) => k.schema.createView('own_v').as(k.selectFrom('own').selectAll()).execute(),
  schemaAlter: (k) => k.schema.alterTable('own').renameColumn('x', 'y').execute(),
  schemaCta: (k) => k.schema.createTable('cta').as(k.selectFrom('jobs').select('id')).execute(),
  selectCta: (k) =>
    k
      .selectFrom('cta')
      .select((eb) => eb.fn.countAll().as('n'))
      .execute(),
  fts: async (k) => {
    await sql`insert into ft(body) values ('hello world'), ('other')`.execute(k);
    return (await sql`select rowid, body from ft where ft match 'hello'`.execute(k)).rows;
  },
  viewSelect: (k) => k.selectFrom('v_jobs').selectAll().orderBy('id').limit(1).execute(),
  viewInsert: (k) => k.insertInto('v_jobs').values({ id: 'x', kind: 1 }).execute(),
};
