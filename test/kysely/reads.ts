import {
  expressionBuilder,
  HandleEmptyInListsPlugin,
  NoResultError,
  replaceWithNoncontingentExpression,
  sql,
} from 'kysely';
import { collect, type Queries, type Tables } from './query.js';

/** SELECTs of every form. */
export const READS: Queries = {
  selectAll: (k) => k.selectFrom('jobs').selectAll().orderBy('id').execute(),
  takeFirst: (k) => k.selectFrom('jobs').selectAll().where('id', '=', 'j01').executeTakeFirst(),
  takeFirstNone: (k) => k.selectFrom('jobs').selectAll().where('id', '=', 'zz').executeTakeFirst(),
  orThrowNone: (k) =>
    k.selectFrom('jobs').selectAll().where('id', '=', 'zz').executeTakeFirstOrThrow(),
  orThrowInstanceof: async (k) =>
    k
      .selectFrom('jobs')
      .selectAll()
      .where('id', '=', 'zz')
      .executeTakeFirstOrThrow()
      .catch((error: unknown) => error instanceof NoResultError),
  orThrowCustom: (k) =>
    k
      .selectFrom('jobs')
      .selectAll()
      .where('id', '=', 'zz')
      .executeTakeFirstOrThrow(() => new RangeError('mine')),
  countAll: (k) =>
    k
      .selectFrom('jobs')
      .select((eb) => eb.fn.countAll().as('n'))
      .executeTakeFirstOrThrow(),
  sum: (k) =>
    k
      .selectFrom('earnings')
      .select((eb) => [
        eb.fn.sum('amount_msats').as('s'),
        eb.fn.avg('amount_msats').as('a'),
        eb.fn.max('amount_msats').as('m'),
      ])
      .execute(),
  groupHaving: (k) =>
    k
      .selectFrom('jobs')
      .select(['kind', (eb) => eb.fn.countAll().as('n')])
      .groupBy('kind')
      .having((eb) => eb.fn.countAll(), '>', 3)
      .orderBy('kind')
      .execute(),
  joinDup: (k) =>
    k
      .selectFrom('jobs')
      .innerJoin('earnings', 'earnings.job_id', 'jobs.id')
      .selectAll()
      .orderBy('jobs.id')
      .limit(2)
      .execute(),
  leftJoin: (k) =>
    k
      .selectFrom('jobs')
      .leftJoin('earnings', 'earnings.job_id', 'jobs.id')
      .select(['jobs.id', 'earnings.amount_msats'])
      .orderBy('jobs.id', 'desc')
      .limit(2)
      .execute(),
  lateralFullJoin: (k) =>
    k
      .selectFrom('jobs')
      .fullJoin('earnings', 'earnings.job_id', 'jobs.id')
      .select(['jobs.id'])
      .orderBy('jobs.id')
      .limit(1)
      .execute(),
  cte: (k) =>
    k
      .with('p', (d) => d.selectFrom('jobs').select(['id', 'kind']).where('status', '=', 'pending'))
      .selectFrom('p')
      .selectAll()
      .orderBy('id')
      .limit(3)
      .execute(),
  cteRecursive: (k) =>
    k
      .withRecursive('c(n)', (d) =>
        d
          .selectNoFrom(sql`1`.as('n'))
          .unionAll(d.selectFrom('c').select(sql`n+1`.as('n')).where('n', '<', 5)),
      )
      .selectFrom('c')
      .selectAll()
      .execute(),
  union: (k) =>
    k
      .selectFrom('jobs')
      .select('id')
      .where('id', '=', 'j01')
      .union(k.selectFrom('earnings').select('job_id as id').where('job_id', '=', 'j02'))
      .execute(),
  selectBigintMaxText: (k) =>
    k
      .selectFrom('notes')
      .select((eb) => eb.cast('big', 'text').as('big'))
      .where('text', '=', 'bigmax')
      .execute(),
  selectBlob: (k) =>
    k.selectFrom('notes').select('b').where('b', 'is not', null).orderBy('id').execute(),
  modifyEnd: (k) => k.selectFrom('jobs').select('id').modifyEnd(sql`limit 1`).execute(),
  emptyIn: (k) => k.selectFrom('jobs').select('id').where('id', 'in', []).execute(),
  notInEmpty: (k) =>
    k
      .selectFrom('jobs')
      .select((eb) => eb.fn.countAll().as('n'))
      .where('id', 'not in', [])
      .execute(),
  handleEmpty: (k) =>
    k
      .withPlugin(new HandleEmptyInListsPlugin({ strategy: replaceWithNoncontingentExpression }))
      .selectFrom('jobs')
      .select('id')
      .where('id', 'in', [])
      .execute(),
  tupleIn: (k) =>
    k
      .selectFrom('jobs')
      .select('id')
      .where((eb) => eb(eb.refTuple('id', 'kind'), 'in', [eb.tuple('j01', 5001)]))
      .execute(),
  caseWhen: (k) =>
    k
      .selectFrom('jobs')
      .select((eb) => eb.case().when('kind', '=', 5001).then('x').else('y').end().as('c'))
      .where('id', '=', 'j01')
      .execute(),
  windowFn: (k) =>
    k
      .selectFrom('jobs')
      .select([
        'id',
        (eb) =>
          eb.fn
            .agg('row_number')
            .over((o) => o.orderBy('id', 'desc'))
            .as('rn'),
      ])
      .orderBy('id')
      .limit(2)
      .execute(),
  stream: (k) => collect(k.selectFrom('jobs').select('id').orderBy('id').stream()),
  streamChunk: (k) => collect(k.selectFrom('jobs').select('id').orderBy('id').stream(7)),
  streamBreak: async (k) => {
    for await (const r of k.selectFrom('jobs').select('id').orderBy('id').stream()) return r;
    return undefined;
  },
  streamErr: (k) => collect(k.selectFrom('nowhere').selectAll().stream()),
  explain: (k) => k.selectFrom('jobs').selectAll().where('id', '=', 'j01').explain(),
  explainQP: (k) =>
    k
      .selectFrom('jobs')
      .selectAll()
      .where('id', '=', 'j01')
      .explain(undefined, undefined)
      .then((r) => r.length > 3),
  castTo: (k) => k.selectFrom('jobs').select('id').where('id', '=', 'j01').$castTo().execute(),
  dollarIf: (k) =>
    k
      .selectFrom('jobs')
      .select('id')
      .$if(true, (q) => q.where('id', '=', 'j01'))
      .execute(),
  dynamic: (k) => k.selectFrom('jobs').select('id').orderBy(k.dynamic.ref('id')).limit(1).execute(),
  compoundDepth: (k) => {
    let q = k.selectFrom('jobs').select('id');
    for (let i = 0; i < 600; i++) q = q.union(k.selectFrom('jobs').select('id'));
    return q.execute().then((r) => r.length);
  },
  exprDepth: (k) =>
    k
      .selectFrom('jobs')
      .select('id')
      .where((eb) => eb.and(Array.from({ length: 1100 }, () => eb('id', '!=', 'x'))))
      .execute()
      .then((r) => r.length),
  collate: (k) =>
    k
      .selectFrom('jobs')
      .select('id')
      .orderBy('id', (o) => o.collate('nocase').desc().nullsLast())
      .limit(1)
      .execute(),
  unknownTable: (k) => k.selectFrom('nowhere').selectAll().execute(),
  unknownCol: (k) => k.selectFrom('jobs').select('nowhere').execute(),
  mergeInto: (k) =>
    k
      .mergeInto('notes')
      .using('jobs', 'jobs.id', 'notes.text')
      .whenMatched()
      .thenDelete()
      .execute(),
  expressionBuilderFree: (k) => {
    const eb = expressionBuilder<Tables, 'jobs'>();
    return k
      .selectFrom('jobs')
      .select('id')
      .where(eb('id', '=', 'j01'))
      .execute();
  },
};
