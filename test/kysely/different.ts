import { Migrator, sql } from 'kysely';
import { collect, type Queries } from './query.js';

/** What is meant to differ, each listed in docs/kysely.md. */
export const DIFFERENT: Queries = {
  insertOrFail: async (k) => {
    const failing = [{ text: 'orfail1' }, { text: 'a' }];
    await k
      .insertInto('notes')
      .orFail()
      .values(failing)
      .execute()
      .catch(() => 0);
    return await k.selectFrom('notes').select('text').where('text', 'like', 'orfail%').execute();
  },
  trxOrFail: (k) =>
    k.transaction().execute(async (t) => {
      await t
        .insertInto('notes')
        .orFail()
        .values([{ text: 'tof1' }, { text: 'a' }])
        .execute()
        .catch(() => 0);
      return await t.selectFrom('notes').select('text').where('text', 'like', 'tof%').execute();
    }),
  selectBigintMax: (k) =>
    k.selectFrom('notes').select('big').where('text', '=', 'bigmax').execute(),
  forUpdate: (k) => k.selectFrom('jobs').select('id').where('id', '=', 'j01').forUpdate().execute(),
  forUpdateSkip: (k) =>
    k.selectFrom('jobs').select('id').where('id', '=', 'j01').forUpdate().skipLocked().execute(),
  streamUpdate: (k) =>
    collect(k.updateTable('notes').set({ n: 4 }).where('text', '=', 'a').returning('id').stream()),
  streamInsert: (k) =>
    collect(k.insertInto('notes').values({ text: 'streamins' }).returning('text').stream()),
  rawReturning: (k) => sql`update notes set n = 5 where text = 'rawins' returning id, n`.execute(k),
  rawLastRowid: async (k) => {
    await k.insertInto('notes').values({ text: 'lastrow' }).execute();
    return (
      await sql`select last_insert_rowid() > 0 as ok, changes() as c, total_changes() > 0 as t`.execute(
        k,
      )
    ).rows;
  },
  rawProto: async (k) => {
    const r = (await sql`select 1 as "__proto__", 2 as constructor, 3 as "toString"`.execute(k))
      .rows[0];
    return [Object.getOwnPropertyNames(r), Object.getPrototypeOf(r) === Object.prototype];
  },
  jsonBigInt: (k) => sql`select json_extract('{"a":9007199254740993}', '$.a') as a`.execute(k),
  trxNested: (k) => k.transaction().execute((t) => t.transaction().execute(async () => 1)),
  trxAccess: (k) =>
    k
      .transaction()
      .setAccessMode('read only')
      .execute(async () => 1),
  trxOrRollback: (k) =>
    k.transaction().execute(async (t) => {
      await t.insertInto('notes').values({ text: 'tor0' }).execute();
      await t
        .insertInto('notes')
        .orRollback()
        .values([{ text: 'tor1' }, { text: 'a' }])
        .execute()
        .catch(() => 0);
      await t.insertInto('notes').values({ text: 'tor2' }).execute();
    }),
  trxOrRollbackAfter: (k) =>
    k.selectFrom('notes').select('text').where('text', 'like', 'tor%').orderBy('text').execute(),
  controlledTrx: async (k) => {
    const t = await k.startTransaction().execute();
    await t.rollback().execute();
    return 'ok';
  },
  connection: (k) =>
    k.connection().execute((c) => c.selectFrom('jobs').select('id').limit(1).execute()),
  tempTable: async (k) => {
    await k.schema.createTable('tt').temporary().addColumn('id', 'integer').execute();
    await k.insertInto('tt').values({ id: 1 }).execute();
    return k.selectFrom('tt').selectAll().execute();
  },
  tempTableTrx: (k) =>
    k.transaction().execute(async (t) => {
      await sql`create temp table tt2 (id integer)`.execute(t);
      await t.insertInto('tt2').values({ id: 1 }).execute();
      return t.selectFrom('tt2').selectAll().execute();
    }),
  tempView: async (k) => {
    await sql`create temp view tv as select id from jobs limit 1`.execute(k);
    return (await sql`select * from tv`.execute(k)).rows;
  },
  pragmaFkOff: async (k) => {
    await sql`pragma foreign_keys = off`.execute(k);
    const r = await k
      .insertInto('earnings')
      .values({ id: 'orphan', job_id: 'nope', amount_msats: 1, source: 'job', earned_at: 1 })
      .execute();
    await k.deleteFrom('earnings').where('id', '=', 'orphan').execute();
    await sql`pragma foreign_keys = on`.execute(k);
    return r;
  },
  pragmaCaseLike: async (k) => {
    await sql`pragma case_sensitive_like = on`.execute(k);
    const r = await sql`select 'A' like 'a' as x`.execute(k);
    await sql`pragma case_sensitive_like = off`.execute(k);
    return r.rows;
  },
  pragmaQueryOnly: async (k) => {
    await sql`pragma query_only = on`.execute(k);
    const e = await k
      .insertInto('notes')
      .values({ text: 'qo' })
      .execute()
      .then(
        () => 'stored',
        () => 'refused',
      );
    await sql`pragma query_only = off`.execute(k);
    return e;
  },
  attach: (k) => sql`attach ':memory:' as m`.execute(k),
  begin: (k) => sql`begin`.execute(k),
  savepointRaw: (k) =>
    k.transaction().execute(async (t) => {
      await sql`savepoint s`.execute(t);
      await t.insertInto('notes').values({ text: 'sp' }).execute();
      await sql`rollback to s`.execute(t);
      return (await t.selectFrom('notes').select('id').where('text', '=', 'sp').execute()).length;
    }),
  migrator: async (k) => {
    const m = new Migrator({
      db: k,
      migrationTableName: 'km',
      migrationLockTableName: 'kml',
      provider: {
        getMigrations: async () => ({
          '1': {
            up: async (d) => {
              await d.schema.createTable('km1').addColumn('id', 'integer').execute();
            },
          },
        }),
      },
    });
    const r = await m.migrateToLatest();
    return [r.error instanceof Error ? r.error.message : r.error, r.results?.map((x) => x.status)];
  },
  lastDestroyDispose: async (k) => typeof k[Symbol.asyncDispose],
};
