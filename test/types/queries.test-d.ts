import type {
  DeleteResult,
  Generated,
  InsertResult,
  Kysely,
  QueryCreator,
  Transaction,
  UpdateResult,
} from 'kysely';
import { describe, expectTypeOf, it } from 'vitest';
import {
  type DB,
  type JobStatus,
  type Params,
  PylonDb,
  type PylonDbTransaction,
  prepared,
} from '../../src/index.js';

type MyDB = DB & {
  invoices: { id: string; note: string | null; amount: Generated<number> };
};

declare const db: PylonDb;
declare const tx: PylonDbTransaction;

const byKind = prepared((tables: QueryCreator<MyDB>, p: Params<{ kind: number; limit: number }>) =>
  tables
    .selectFrom('jobs')
    .select(['id', 'status', 'completed_at as ended_at'])
    .where('kind', '=', p.kind)
    .limit(p.limit),
);
const insert = prepared(
  (tables: QueryCreator<MyDB>, p: Params<{ id: string; note: string | null }>) =>
    tables.insertInto('invoices').values({ id: p.id, note: p.note }),
  { name: 'invoices.insert' },
);
const insertReturning = prepared((tables: QueryCreator<MyDB>, p: Params<{ id: string }>) =>
  tables.insertInto('invoices').values({ id: p.id }).returning(['id', 'amount']),
);
const count = prepared((tables: QueryCreator<MyDB>) =>
  tables.selectFrom('invoices').select(({ fn }) => fn.countAll<number>().as('n')),
);
const update = prepared((tables: QueryCreator<MyDB>, p: Params<{ note: string }>) =>
  tables.updateTable('invoices').set({ note: p.note }),
);
const remove = prepared((tables: QueryCreator<MyDB>) => tables.deleteFrom('invoices'));

interface Found {
  id: string;
  status: JobStatus;
  ended_at: number | null;
}

describe('a prepared query', () => {
  it('gives rows of what it selects', () => {
    for (const at of [db, tx]) {
      const query = byKind({ kind: 5100, limit: 10 });
      expectTypeOf(at.all(query)).resolves.toEqualTypeOf<Found[]>();
      expectTypeOf(at.first(query)).resolves.toEqualTypeOf<Found | undefined>();
      expectTypeOf(at.first(count())).resolves.toEqualTypeOf<{ n: number } | undefined>();
    }
  });

  it("gives Kysely's result of a write without RETURNING", () => {
    expectTypeOf(db.all(insert({ id: 'a', note: null }))).resolves.toEqualTypeOf<InsertResult[]>();
    expectTypeOf(db.first(update({ note: 'a' }))).resolves.toEqualTypeOf<
      UpdateResult | undefined
    >();
    expectTypeOf(db.all(remove())).resolves.toEqualTypeOf<DeleteResult[]>();
  });

  it('in a batch gives the rows of each in its place', () => {
    for (const at of [db, tx]) {
      const results = at.batch([
        insertReturning({ id: 'a' }),
        count(),
        insert({ id: 'b', note: '' }),
      ]);
      expectTypeOf(results).resolves.toEqualTypeOf<
        [{ id: string; amount: number }[], { n: number }[], InsertResult[]]
      >();
    }
    const many = ['a', 'b'].map((id) => insertReturning({ id }));
    expectTypeOf(db.batch(many)).resolves.toEqualTypeOf<{ id: string; amount: number }[][]>();
  });

  it('takes all of its values, each of its type, and no others', () => {
    // @ts-expect-error: limit is missing
    byKind({ kind: 1 });
    // @ts-expect-error
    byKind({ kind: 1, limit: undefined });
    // @ts-expect-error
    byKind({ kind: 1, limit: null });
    // @ts-expect-error
    byKind({ kind: '1', limit: 1 });
    // @ts-expect-error
    byKind({ kind: 1, limit: 1, more: 1 });
    // @ts-expect-error
    byKind();
    // @ts-expect-error
    count({});
    // @ts-expect-error: values are missing
    db.all(byKind);
  });

  it('does not compile without the annotation of a parameter', () => {
    // @ts-expect-error
    prepared((tables: QueryCreator<MyDB>, p) => tables.selectFrom('jobs').where('id', '=', p.id));
    // @ts-expect-error
    prepared((tables) => tables.selectFrom('jobs').select('id'));
  });

  it('does not compile with values that SQL has no word for, or that may be missing', () => {
    // @ts-expect-error
    prepared((tables: QueryCreator<MyDB>, _: Params<{ at: Date }>) => tables.selectFrom('jobs'));
    // @ts-expect-error
    prepared((tables: QueryCreator<MyDB>, _: Params<{ on: boolean }>) => tables.selectFrom('jobs'));
    // @ts-expect-error
    prepared((tables: QueryCreator<MyDB>, _: Params<{ id?: string }>) => tables.selectFrom('jobs'));
    // @ts-expect-error
    prepared((tables: QueryCreator<MyDB>, _: Params<{ x: undefined }>) =>
      tables.selectFrom('jobs'),
    );
  });

  it('compiles no wrong table, column or parameter', () => {
    // @ts-expect-error
    prepared((tables: QueryCreator<DB>) => tables.selectFrom('invoices').select('id'));
    // @ts-expect-error
    prepared((tables: QueryCreator<MyDB>) => tables.selectFrom('invoices').select('colour'));
    prepared((tables: QueryCreator<MyDB>, p: Params<{ kind: string }>) =>
      // @ts-expect-error: kind is a number
      tables.selectFrom('jobs').select('id').where('kind', '=', p.kind),
    );
    prepared((tables: QueryCreator<MyDB>, p: Params<{ kind: number }>) =>
      // @ts-expect-error
      tables.selectFrom('jobs').select('id').where('kind', '=', p.kinds),
    );
  });
});

describe('the tables of a service', () => {
  it('are known to kysely where open was told them', async () => {
    const opened = await PylonDb.open<MyDB>('pylon.db');
    expectTypeOf(opened.kysely).toEqualTypeOf<Kysely<MyDB>>();
    await opened.transaction(async (inside) => {
      expectTypeOf(inside.kysely).toEqualTypeOf<Transaction<MyDB>>();
      // @ts-expect-error
      inside.kysely.selectFrom('invoice');
    });
    expectTypeOf(PylonDb.openInMemory<MyDB>()).resolves.toEqualTypeOf<PylonDb<MyDB>>();
    expectTypeOf(db.kysely).toEqualTypeOf<Kysely<DB>>();
  });

  it('can be added, whole files of generated types too', () => {
    const kysely = db.kysely.withTables<MyDB>();
    expectTypeOf(kysely.selectFrom('invoices').select('note').execute()).resolves.toEqualTypeOf<
      { note: string | null }[]
    >();
    const same = db.kysely.withTables<DB>();
    expectTypeOf(same.selectFrom('jobs').select('status').execute()).resolves.toEqualTypeOf<
      { status: JobStatus }[]
    >();
  });
});
