import { sql } from 'kysely';
import { aJob, type Queries } from './query.js';

/** INSERT, UPDATE, DELETE, and values of each kind. */
export const WRITES: Queries = {
  cteInsert: (k) =>
    k
      .with('p', (d) => d.selectFrom('jobs').select('id').limit(1).orderBy('id'))
      .insertInto('notes')
      .columns(['text'])
      .expression((eb) => eb.selectFrom('p').select('p.id'))
      .executeTakeFirst(),
  cteUpdate: (k) =>
    k
      .with('p', (d) => d.selectFrom('jobs').select('id').limit(1).orderBy('id'))
      .updateTable('notes')
      .set({ n: 2 })
      .where('text', 'in', sql`(select id from p)`)
      .execute(),
  cteDeleteReturning: (k) =>
    k
      .with('p', (d) => d.selectFrom('jobs').select('id').limit(1).orderBy('id'))
      .deleteFrom('notes')
      .where('text', 'in', sql`(select id from p)`)
      .returningAll()
      .execute(),
  insert1: (k) => k.insertInto('notes').values({ text: 'a' }).executeTakeFirst(),
  insert1exec: (k) => k.insertInto('notes').values({ text: 'b' }).execute(),
  insertMany: (k) =>
    k
      .insertInto('notes')
      .values([{ text: 'c' }, { text: 'd', n: 1.5 }])
      .execute(),
  insertReturning: (k) =>
    k.insertInto('notes').values({ text: 'e' }).returning(['id', 'text']).executeTakeFirstOrThrow(),
  insertReturningRaw: (k) => k.insertInto('notes').values({ text: 'e2' }).returningAll().execute(),
  insertOrIgnore: (k) => k.insertInto('notes').orIgnore().values({ text: 'a' }).executeTakeFirst(),
  insertIgnoreConflict: (k) =>
    k
      .insertInto('notes')
      .values({ text: 'a' })
      .onConflict((oc) => oc.column('text').doNothing())
      .executeTakeFirst(),
  insertIgnoreReturning: (k) =>
    k
      .insertInto('notes')
      .values({ text: 'a' })
      .onConflict((oc) => oc.column('text').doNothing())
      .returning('id')
      .executeTakeFirst(),
  upsert: (k) =>
    k
      .insertInto('notes')
      .values({ text: 'a', n: 7 })
      .onConflict((oc) => oc.column('text').doUpdateSet((eb) => ({ n: eb.ref('excluded.n') })))
      .executeTakeFirst(),
  upsertReturning: (k) =>
    k
      .insertInto('notes')
      .values({ text: 'a', n: 8 })
      .onConflict((oc) => oc.column('text').doUpdateSet({ n: 9 }))
      .returningAll()
      .execute(),
  replaceInto: (k) => k.replaceInto('notes').values({ id: 1, text: 'a', n: 1 }).execute(),
  insertDefault: (k) => k.insertInto('notes').defaultValues().executeTakeFirst(),
  insertEmpty: (k) => k.insertInto('notes').values([]).execute(),
  insertDup: (k) => k.insertInto('notes').values({ text: 'a' }).execute(),
  insertFk: (k) =>
    k
      .insertInto('earnings')
      .values({ id: 'x', job_id: 'nope', amount_msats: 1, source: 'job', earned_at: 1 })
      .execute(),
  insertCheck: (k) =>
    k
      .insertInto('jobs')
      .values(aJob('bad', { status: 'nope' }))
      .execute(),
  insertNull: (k) =>
    k
      .insertInto('jobs')
      .values(aJob('bad', { kind: null }))
      .execute(),
  insertOrRollback: (k) =>
    k
      .insertInto('notes')
      .orRollback()
      .values([{ text: 'orrb' }, { text: 'a' }])
      .execute(),
  insertFromSelect: (k) =>
    k
      .insertInto('nopk')
      .columns(['a', 'b'])
      .expression((eb) => eb.selectFrom('jobs').select(['id', 'kind']))
      .executeTakeFirst(),
  insertWithoutRowid: (k) => k.insertInto('wr').values({ k: 'x', v: 1 }).executeTakeFirst(),
  insertStrictBad: (k) => k.insertInto('st').values({ v: 'text' }).execute(),
  insertStrictNum: (k) => k.insertInto('st').values({ v: 5 }).execute(),
  insertGen: (k) => k.insertInto('gen').values({ a: 5 }).returningAll().execute(),
  insertGenBad: (k) => k.insertInto('gen').values({ a: 5, b: 1 }).execute(),
  insertBool: (k) => k.insertInto('notes').values({ text: 'bool', flag: true }).execute(),
  insertDate: (k) =>
    k
      .insertInto('notes')
      .values({ text: 'date', at: new Date(0) })
      .execute(),
  insertObject: (k) =>
    k
      .insertInto('notes')
      .values({ text: 'obj', j: { a: 1 } })
      .execute(),
  insertArray: (k) =>
    k
      .insertInto('notes')
      .values({ text: 'arr', j: [1] })
      .execute(),
  insertUndefined: (k) =>
    k.insertInto('notes').values({ text: 'undef', n: undefined }).returningAll().execute(),
  insertBigint: (k) =>
    k.insertInto('notes').values({ text: 'bigint', big: 5n }).returningAll().execute(),
  insertBigintMax: (k) =>
    k.insertInto('notes').values({ text: 'bigmax', big: 9223372036854775807n }).executeTakeFirst(),
  insertBigintOver: (k) =>
    k
      .insertInto('notes')
      .values({ text: 'bigover', big: 2n ** 64n })
      .execute(),
  insertNaN: (k) => k.insertInto('notes').values({ text: 'nan', n: NaN }).returningAll().execute(),
  insertInf: (k) =>
    k.insertInto('notes').values({ text: 'inf', n: Infinity }).returningAll().execute(),
  insertNegZero: (k) =>
    k.insertInto('notes').values({ text: 'nz', n: -0 }).returning('n').execute(),
  insertUint8: (k) =>
    k
      .insertInto('notes')
      .values({ text: 'u8', b: new Uint8Array([1, 2]) })
      .returning('b')
      .execute(),
  insertBuffer: (k) =>
    k
      .insertInto('notes')
      .values({ text: 'buf', b: Buffer.from([3, 4]) })
      .returning('b')
      .execute(),
  insertSubarray: (k) =>
    k
      .insertInto('notes')
      .values({ text: 'sub', b: new Uint8Array([1, 2, 3, 4]).subarray(1, 3) })
      .returning('b')
      .execute(),
  insertArrayBuffer: (k) =>
    k
      .insertInto('notes')
      .values({ text: 'ab', b: new ArrayBuffer(2) })
      .returning('b')
      .execute(),
  insertU16: (k) =>
    k
      .insertInto('notes')
      .values({ text: 'u16', b: new Uint16Array([258]) })
      .returning('b')
      .execute(),
  insertEmptyBuf: (k) =>
    k
      .insertInto('notes')
      .values({ text: 'eb', b: Buffer.alloc(0) })
      .returning('b')
      .execute(),
  stringNul: (k) => k.insertInto('notes').values({ text: 'x\0y' }).returning('text').execute(),
  stringSurrogate: (k) =>
    k.insertInto('notes').values({ text: 'q\ud800' }).returning('text').execute(),
  updateCount: (k) =>
    k.updateTable('notes').set({ n: 3 }).where('text', 'in', ['a', 'b']).execute(),
  updateTake: (k) =>
    k.updateTable('notes').set({ n: 3 }).where('text', '=', 'zz').executeTakeFirstOrThrow(),
  updateReturning: (k) =>
    k
      .updateTable('notes')
      .set((eb) => ({ n: eb('n', '+', 1) }))
      .where('text', '=', 'a')
      .returning(['id', 'n'])
      .execute(),
  updateFrom: (k) =>
    k
      .updateTable('notes')
      .from('jobs')
      .set({ n: 11 })
      .whereRef('jobs.id', '=', 'notes.text')
      .executeTakeFirst(),
  updateNothingSet: (k) => k.updateTable('notes').set({}).execute(),
  updateLimit: (k) => k.updateTable('notes').set({ n: 0 }).orderBy('id').limit(1).execute(),
  deleteLimit: (k) => k.deleteFrom('nopk').orderBy('a').limit(1).executeTakeFirst(),
  deleteReturning: (k) => k.deleteFrom('nopk').where('a', '=', 'j05').returningAll().execute(),
  deleteCount: (k) => k.deleteFrom('nopk').executeTakeFirst(),
  deleteFk: (k) => k.deleteFrom('jobs').where('id', '=', 'j01').execute(),
  tooManyVars: (k) =>
    k
      .insertInto('notes')
      .values(Array.from({ length: 33000 }, (_, i) => ({ text: `v${i}` })))
      .execute(),
  manyVars: (k) =>
    k
      .insertInto('notes')
      .values(Array.from({ length: 32766 }, (_, i) => ({ text: `v${i}` })))
      .executeTakeFirst(),
  manyVarsDelete: (k) => k.deleteFrom('notes').where('text', 'like', 'v%').executeTakeFirst(),
  cascade: async (k) => {
    await k
      .insertInto('casc')
      .values([
        { id: 1, parent: null },
        { id: 2, parent: 1 },
      ])
      .execute();
    return k.deleteFrom('casc').where('id', '=', 1).executeTakeFirst();
  },
};
