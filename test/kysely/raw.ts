import {
  CamelCasePlugin,
  CompiledQuery,
  DeduplicateJoinsPlugin,
  ParseJSONResultsPlugin,
  sql,
} from 'kysely';
import { jsonArrayFrom, jsonBuildObject, jsonObjectFrom } from 'kysely/helpers/sqlite';
import type { Queries } from './query.js';

/** Raw SQL, JSON, plugins and introspection. */
export const RAW: Queries = {
  rawExplainQP: async (k) =>
    (await sql`explain query plan select * from jobs where id = 'x'`.execute(k)).rows,
  rawSelect: (k) => sql`select ${1} as a, ${'x'} as b, ${null} as c, ${1.5} as d`.execute(k),
  rawInsert: (k) => sql`insert into notes (text) values ('rawins')`.execute(k),
  rawPragmaRead: (k) => sql`pragma user_version`.execute(k),
  rawPragmaTableInfo: (k) => sql`pragma table_info(notes)`.execute(k),
  rawPragmaFk: (k) => sql`pragma foreign_key_check`.execute(k),
  rawValues: (k) => sql`values (1, 2), (3, 4)`.execute(k),
  rawMulti: (k) => sql`select 1; select 2`.execute(k),
  rawEmpty: (k) => sql``.execute(k),
  rawComment: (k) =>
    sql`/* hi */ -- x
   select 1 as one`.execute(k),
  rawParen: (k) => sql`(select 1)`.execute(k),
  rawSyntax: (k) => sql`selct 1`.execute(k),
  rawVacuum: (k) => sql`vacuum`.execute(k).then((r) => r.rows),
  rawAnalyze: (k) => sql`analyze notes`.execute(k).then((r) => r.rows),
  rawIdent: (k) =>
    sql`select ${sql.ref('jobs.id')} from ${sql.table('jobs')} where ${sql.id('id')} = ${sql.lit('j01')}`.execute(
      k,
    ),
  rawJoinVals: (k) =>
    sql`select count(*) as n from jobs where id in (${sql.join(['j01', 'j02'])})`.execute(k),
  rawDupCol: (k) => sql`select 1 as a, 2 as a`.execute(k),
  rawNoName: (k) => sql`select 1, 2`.execute(k),
  rawIntCols: async (k) =>
    Object.keys((await sql<object>`select 1 as b, 2 as "2", 3 as "1"`.execute(k)).rows[0] ?? {}),
  rawBigReal: (k) =>
    sql`select 1e300 as a, 9007199254740993.0 as b, 0.1+0.2 as c, -0.0 as d, 9e999 as e`.execute(k),
  rawBool: (k) => sql`select true as t, 1=1 as u, not 1 as f`.execute(k),
  rawBoolParam: (k) => sql`select ${true} as t`.execute(k),
  rawDateParam: (k) => sql`select ${new Date(0)} as t`.execute(k),
  rawTooFew: (k) => k.executeQuery(CompiledQuery.raw('select ? as a, ? as b', [1])),
  rawTooMany: (k) => k.executeQuery(CompiledQuery.raw('select ? as a', [1, 2])),
  rawNumbered: (k) => k.executeQuery(CompiledQuery.raw('select ?1 as a, ?1 as b', [1])),
  rawNamed: (k) => k.executeQuery(CompiledQuery.raw('select @x as a', [{ x: 1 }])),
  executeQuery: (k) =>
    k.executeQuery(k.selectFrom('jobs').select('id').where('id', '=', 'j01').compile()),
  executeQueryInsert: (k) => k.executeQuery(k.insertInto('notes').values({ text: 'eq' }).compile()),
  jsonArrayFrom: (k) =>
    k
      .withPlugin(new ParseJSONResultsPlugin())
      .selectFrom('jobs')
      .select([
        'id',
        (eb) =>
          jsonArrayFrom(
            eb
              .selectFrom('earnings')
              .select(['amount_msats', 'source'])
              .whereRef('earnings.job_id', '=', 'jobs.id'),
          ).as('e'),
      ])
      .orderBy('id')
      .limit(2)
      .execute(),
  jsonArrayFromNoPlugin: (k) =>
    k
      .selectFrom('jobs')
      .select([
        'id',
        (eb) =>
          jsonArrayFrom(
            eb
              .selectFrom('earnings')
              .select(['amount_msats', 'source'])
              .whereRef('earnings.job_id', '=', 'jobs.id'),
          ).as('e'),
      ])
      .orderBy('id')
      .limit(2)
      .execute(),
  jsonObjectFrom: (k) =>
    k
      .withPlugin(new ParseJSONResultsPlugin())
      .selectFrom('jobs')
      .select([
        'id',
        (eb) =>
          jsonObjectFrom(
            eb
              .selectFrom('earnings')
              .select(['amount_msats'])
              .whereRef('earnings.job_id', '=', 'jobs.id'),
          ).as('e'),
      ])
      .orderBy('id')
      .limit(2)
      .execute(),
  jsonBuild: (k) =>
    k
      .withPlugin(new ParseJSONResultsPlugin())
      .selectFrom('jobs')
      .select((eb) => jsonBuildObject({ a: eb.ref('id'), b: eb.ref('kind') }).as('o'))
      .where('id', '=', 'j01')
      .execute(),
  jsonPath: (k) =>
    k
      .selectFrom('tick_history')
      .select(sql`actions_json->>'$[0].my_key'`.as('m'))
      .orderBy('id')
      .execute(),
  jsonPathArrow: (k) =>
    k
      .selectFrom('tick_history')
      .select(sql`actions_json->'$[0]'`.as('m'))
      .orderBy('id')
      .limit(1)
      .execute(),
  jsonEach: (k) => sql`select value from json_each('[1,2,9007199254740993]') limit 2`.execute(k),
  camel: (k) =>
    k
      .withPlugin(new CamelCasePlugin())
      .selectFrom('jobs')
      .select(['id', 'customerPubkey'])
      .where('createdAt', '>', 1)
      .orderBy('id')
      .limit(1)
      .execute(),
  camelInsert: (k) =>
    k
      .withPlugin(new CamelCasePlugin())
      .insertInto('jobs')
      .values({
        ...{ id: 'camel', kind: 1, customerPubkey: 'c' },
        ...{ status: 'pending', startedAt: 1, createdAt: 1 },
      })
      .returning(['id', 'customerPubkey'])
      .execute(),
  camelJson: (k) =>
    k
      .withPlugin(new ParseJSONResultsPlugin())
      .withPlugin(new CamelCasePlugin())
      .selectFrom('tickHistory')
      .select('actionsJson')
      .orderBy('id')
      .limit(1)
      .execute(),
  dedupe: (k) =>
    k
      .withPlugin(new DeduplicateJoinsPlugin())
      .selectFrom('jobs')
      .innerJoin('earnings as e', 'e.job_id', 'jobs.id')
      .innerJoin('earnings as e', 'e.job_id', 'jobs.id')
      .select('jobs.id')
      .orderBy('jobs.id')
      .limit(1)
      .execute(),
  withSchemaMain: (k) =>
    k.withSchema('main').selectFrom('jobs').select('id').orderBy('id').limit(1).execute(),
  withSchemaTemp: (k) => k.withSchema('temp').selectFrom('jobs').select('id').execute(),
  withSchemaCte: (k) =>
    k
      .withSchema('main')
      .with('p', (d) => d.selectFrom('jobs').select('id'))
      .selectFrom('p')
      .select('id')
      .orderBy('id')
      .limit(1)
      .execute(),
  withTables: (k) => k.withTables().selectFrom('notes').select('id').limit(1).execute(),
  withoutPlugins: (k) =>
    k
      .withPlugin(new CamelCasePlugin())
      .withoutPlugins()
      .selectFrom('jobs')
      .select('customer_pubkey')
      .limit(1)
      .execute(),
  getTables: async (k) =>
    (await k.introspection.getTables()).map((t) => [t.name, t.isView, t.schema, t.columns]),
  getTablesInternal: async (k) =>
    (await k.introspection.getTables({ withInternalKyselyTables: true })).map((t) => t.name),
  getSchemas: (k) => k.introspection.getSchemas(),
  getMetadata: async (k) => (await k.introspection.getMetadata()).tables.length,
};
