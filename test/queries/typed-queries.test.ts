import { CamelCasePlugin, type Compilable, type Kysely, type QueryCreator, sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { type Params, PylonDb, prepared, type QueryEvent } from '../../src/index.js';
import { ENGINE, type TestDatabase, testDatabase } from '../database.js';
import { rejection } from '../engine/failure.js';
import { job } from '../engine/fresh.js';
import { INVOICES, type InvoiceDB } from './own-tables.js';

type Invoices = QueryCreator<InvoiceDB>;

const insert = prepared(
  (db: Invoices, p: Params<{ id: string; note: string | null; amount: number | bigint | null }>) =>
    db.insertInto('invoices').values({
      id: p.id,
      note: p.note,
      amount: sql<number | null>`cast(${p.amount} as bigint)`,
    }),
  { name: 'invoices.insert' },
);
const insertReturning = prepared((db: Invoices, p: Params<{ id: string; note: string | null }>) =>
  db.insertInto('invoices').values({ id: p.id, note: p.note }).returning(['id', 'note', 'amount']),
);
const byId = prepared(
  (db: Invoices, p: Params<{ id: string }>) =>
    db.selectFrom('invoices').select(['id', 'note', 'amount']).where('id', '=', p.id),
  { name: 'invoices.byId' },
);
const ids = prepared((db: Invoices) => db.selectFrom('invoices').select('id').orderBy('id'));
const everything = prepared((db: Invoices) => db.selectFrom('invoices').selectAll().orderBy('id'));
const update = prepared((db: Invoices, p: Params<{ id: string; note: string }>) =>
  db.updateTable('invoices').set({ note: p.note }).where('id', '=', p.id),
);
const remove = prepared((db: Invoices, p: Params<{ id: string }>) =>
  db.deleteFrom('invoices').where('id', '=', p.id),
);
const count = prepared((db: Invoices) =>
  db.selectFrom('invoices').select(({ fn }) => fn.countAll<number>().as('n')),
);

const invoice = (id: string) => ({ id, note: null, amount: 1 });

async function withInvoices(onQuery?: (event: QueryEvent) => void): Promise<TestDatabase> {
  return await testDatabase({
    migrations: INVOICES,
    ...(onQuery === undefined ? {} : { onQuery }),
  });
}

describe('db.all and db.first', () => {
  it('give rows by the names of their columns', async () => {
    const { db } = await withInvoices();
    await db.all(insert({ id: 'a', note: 'first', amount: 7 }));
    expect(await db.all(byId({ id: 'a' }))).toEqual([{ id: 'a', note: 'first', amount: 7 }]);
    expect(await db.first(byId({ id: 'a' }))).toEqual({ id: 'a', note: 'first', amount: 7 });
    expect(await db.all(byId({ id: 'b' }))).toEqual([]);
    expect(await db.first(byId({ id: 'b' }))).toBeUndefined();
  });

  it('give for a write without RETURNING what Kysely gives', async () => {
    const { db } = await withInvoices();
    expect((await db.first(insert(invoice('a'))))?.numInsertedOrUpdatedRows).toBe(1n);
    expect((await db.first(update({ id: 'a', note: 'n' })))?.numUpdatedRows).toBe(1n);
    expect((await db.first(update({ id: 'b', note: 'n' })))?.numUpdatedRows).toBe(0n);
    expect((await db.all(remove({ id: 'a' }))).map((r) => r.numDeletedRows)).toEqual([1n]);
  });

  it('give what a write returns, with the values that the database made', async () => {
    const { db } = await withInvoices();
    expect(await db.all(insertReturning({ id: 'a', note: null }))).toEqual([
      { id: 'a', note: null, amount: 0 },
    ]);
  });

  it('see what was acknowledged before, also for a reader of the file', async () => {
    const { db, open } = await withInvoices();
    const other = await open({ readonly: true, migrations: INVOICES });
    for (const id of ['a', 'b', 'c']) {
      await db.all(insert(invoice(id)));
      expect(await other.first(byId({ id }))).toMatchObject({ id });
    }
    const refused = await rejection(other.all(insert(invoice('d'))));
    expect(refused).toMatchObject({ code: 'READ_ONLY', operation: 'invoices.insert' });
    expect(await rejection(other.batch([ids(), insert(invoice('d'))]))).toMatchObject({
      code: 'READ_ONLY',
    });
    expect(await other.batch([ids(), count()])).toEqual([
      [{ id: 'a' }, { id: 'b' }, { id: 'c' }],
      [{ n: 3 }],
    ]);
  });

  it('store bytes, bigints and any text, and give them back', async () => {
    const { db } = await withInvoices();
    const store = prepared(
      (tables: Invoices, p: Params<{ id: string; note: string; bytes: Uint8Array; n: bigint }>) =>
        tables.insertInto('invoices').values({
          id: p.id,
          note: p.note,
          bytes: sql<Buffer>`${p.bytes}`,
          amount: sql<number>`cast(${p.n} as bigint)`,
        }),
    );
    const bytes = Uint8Array.of(0, 1, 255);
    const note = "it's 'quoted' \u{1f9fe} \\x";
    const stored = db.all(store({ id: 'a', note, bytes, n: 2n ** 53n - 1n }));
    bytes.fill(9);
    await stored;
    expect(await db.first(everything())).toEqual({
      id: 'a',
      note,
      amount: Number.MAX_SAFE_INTEGER,
      bytes: Buffer.of(0, 1, 255),
    });
  });

  it('keep the values of each call, whatever becomes of the object that held them', async () => {
    const { db } = await withInvoices();
    const values = invoice('a');
    const first = db.all(insert(values));
    values.id = 'b';
    await Promise.all([first, db.all(insert(values))]);
    expect(await db.all(ids())).toEqual([{ id: 'a' }, { id: 'b' }]);
  });

  it('refuse an integer that a number cannot hold, and read it as text', async () => {
    const { db, writeByAnother } = await withInvoices();
    await writeByAnother("insert into invoices (id, amount) values ('a', 9007199254740993)");
    const failed = await rejection(db.first(byId({ id: 'a' })));
    expect(failed).toMatchObject({ code: 'OUT_OF_RANGE', column: 'amount' });
    const asText = prepared((tables: Invoices) =>
      tables.selectFrom('invoices').select(sql<string>`cast(amount as text)`.as('amount')),
    );
    expect(await db.first(asText())).toEqual({ amount: '9007199254740993' });
    const fraction = prepared((tables: Invoices) =>
      tables.selectFrom('invoices').select(sql<number>`1e300 * 1.0`.as('f')),
    );
    expect(Number((await db.first(fraction()))?.f)).toBe(1e300);
  });

  it('leave nothing of a write whose returned row cannot be read', async () => {
    const { db } = await withInvoices();
    const bump = prepared((tables: Invoices) =>
      tables
        .updateTable('invoices')
        .set({ amount: sql<number>`9007199254740993` })
        .returning('amount'),
    );
    await db.all(insert(invoice('a')));
    expect(await rejection(db.all(bump()))).toMatchObject({ code: 'OUT_OF_RANGE' });
    expect(await rejection(db.batch([insert(invoice('b')), bump()]))).toMatchObject({
      code: 'OUT_OF_RANGE',
    });
    expect(await db.all(everything())).toMatchObject([{ id: 'a', amount: 1 }]);
  });
});

describe('the values of a query', () => {
  it.each([
    ['a missing one', { id: 'a', note: null }, 'amount'],
    ['undefined', { id: 'a', note: undefined, amount: 1 }, 'note'],
    ['an unknown one', { ...invoice('a'), nota: 1 }, 'nota'],
    ['a lone surrogate', { ...invoice('a'), note: '\ud800' }, 'note'],
    ['NUL', { ...invoice('a'), note: 'a\0b' }, 'note'],
    ['NaN', { ...invoice('a'), amount: Number.NaN }, 'amount'],
    ['a boolean', { ...invoice('a'), amount: true }, 'amount'],
    ['a date', { ...invoice('a'), note: new Date(0) }, 'note'],
    ['a list', { ...invoice('a'), note: ['x'] }, 'note'],
  ])('are refused by name: %s', async (_, values, field) => {
    const { db } = await withInvoices();
    const untyped: (values: object) => ReturnType<typeof insert> = insert as never;
    for (const call of [
      () => db.all(untyped(values)),
      () => db.first(untyped(values)),
      () => db.batch([insert(invoice('b')), untyped(values)]),
      () => db.transaction((tx) => tx.all(untyped(values))),
    ]) {
      const failed = await rejection(call());
      expect(failed).toMatchObject({ code: 'INVALID_ARGUMENT', field });
      expect(failed).toMatchObject({ operation: 'invoices.insert' });
    }
    expect(await db.all(ids())).toEqual([]);
  });

  it('are missing where a query was handed over without them', async () => {
    const { db } = await withInvoices();
    for (const wrong of [undefined, null, ids, 'select 1', { sql: 'select 1' }]) {
      const failed = await rejection(db.all(wrong as never));
      expect(failed).toMatchObject({ code: 'INVALID_ARGUMENT', operation: 'db.all' });
    }
    expect(await rejection(db.batch('x' as never))).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describe('db.batch', () => {
  it('stores all of its writes, and reads among them see those before', async () => {
    const { db } = await withInvoices();
    const [created, before, , after] = await db.batch([
      insertReturning({ id: 'a', note: 'x' }),
      count(),
      insert(invoice('b')),
      count(),
    ]);
    expect(created).toEqual([{ id: 'a', note: 'x', amount: 0 }]);
    expect([before, after]).toEqual([[{ n: 1 }], [{ n: 2 }]]);
    expect(await db.batch([])).toEqual([]);
  });

  it('stores nothing when one of its writes fails, and names that one', async () => {
    const { db } = await withInvoices();
    await db.all(insert(invoice('b')));
    const failed = await rejection(
      db.batch([update({ id: 'b', note: 'x' }), insert(invoice('a')), insert(invoice('b'))]),
    );
    expect(failed).toMatchObject({
      code: 'INVALID_ARGUMENT',
      constraint: 'primary_key',
      operation: 'invoices.insert',
    });
    expect(await db.all(everything())).toMatchObject([{ id: 'b', note: null }]);
  });

  it('fails alone among the calls of its turn', async () => {
    const { db } = await withInvoices();
    const settled = await Promise.allSettled([
      db.batch([insert(invoice('a')), insert(invoice('b'))]),
      db.batch([insert(invoice('c')), insert(invoice('a'))]),
      db.jobs.create(job('j')),
      db.batch([insert(invoice('d'))]),
    ]);
    expect(settled.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ]);
    expect(await db.all(ids())).toEqual([{ id: 'a' }, { id: 'b' }, { id: 'd' }]);
  });

  it('of reads sees one instant while others write', async () => {
    const { db } = await withInvoices();
    const writes: Promise<unknown>[] = [];
    for (let i = 0; i < 50; i++) {
      writes.push(db.batch([insert(invoice(`a${i}`)), insert(invoice(`b${i}`))]));
      const [rows, [counted]] = await db.batch([ids(), count()]);
      expect(counted?.n).toBe(rows.length);
      expect(rows.length % 2).toBe(0);
    }
    await Promise.all(writes);
  });
});

describe('in a transaction', () => {
  it('the same three calls see its writes, and nothing is left of it when it throws', async () => {
    const { db } = await withInvoices();
    const failed = await rejection(
      db.transaction(async (tx) => {
        await tx.all(insert(invoice('a')));
        expect(await tx.first(byId({ id: 'a' }))).toMatchObject({ id: 'a' });
        expect(await tx.batch([insert(invoice('b')), count()])).toMatchObject([
          [{ numInsertedOrUpdatedRows: 1n }],
          [{ n: 2 }],
        ]);
        throw new Error('mine');
      }),
    );
    expect(failed).toMatchObject({ message: 'mine' });
    expect(await db.all(ids())).toEqual([]);
  });

  it('a batch that fails leaves nothing of itself, and the transaction goes on', async () => {
    const { db } = await withInvoices();
    await db.transaction(async (tx) => {
      await tx.all(insert(invoice('a')));
      const failed = await rejection(tx.batch([insert(invoice('b')), insert(invoice('a'))]));
      expect(failed).toMatchObject({ operation: 'invoices.insert', constraint: 'primary_key' });
      await tx.all(insert(invoice('c')));
    });
    expect(await db.all(ids())).toEqual([{ id: 'a' }, { id: 'c' }]);
  });

  it('a call on db is refused, and one on tx afterwards too', async () => {
    const { db } = await withInvoices();
    await db.transaction(async () => {
      expect(await rejection(db.all(ids()))).toMatchObject({ code: 'OUTER_HANDLE_IN_TRANSACTION' });
    });
    const tx = await db.transaction(async (inside) => inside);
    expect(await rejection(tx.all(ids()))).toMatchObject({ code: 'TRANSACTION_ENDED' });
  });
});

describe('what a query may be', () => {
  const refusedBy = async (query: Parameters<PylonDb['all']>[0], code: string) => {
    const { db } = await withInvoices();
    const failed = await rejection(db.all(query));
    expect(failed).toMatchObject({ code });
    return failed;
  };

  it('two columns of one name are refused', async () => {
    const twice = prepared((db: Invoices) =>
      db
        .selectFrom('invoices')
        .innerJoin('jobs', 'jobs.id', 'invoices.id')
        .select(['jobs.id', 'invoices.id']),
    );
    const failed = await refusedBy(twice(), 'INVALID_ARGUMENT');
    expect(failed).toMatchObject({ field: 'id' });
  });

  it("a write to pylon-db's own objects and to the ledger is refused", async () => {
    const ours = prepared((db: Invoices) => db.deleteFrom('pylon_db_job_totals'));
    await refusedBy(ours(), 'NOT_SUPPORTED');
    const ledger = prepared((db: Invoices) =>
      db.updateTable('migrations').set({ name: 'x' }).where('id', '=', 1),
    );
    await refusedBy(ledger(), 'NOT_SUPPORTED');
  });

  it('SQL that no builder made is refused', async () => {
    const raw = (text: string) =>
      prepared((db: Invoices): Compilable<unknown> => {
        // What the function gets is a QueryCreator by its type, and a Kysely at run time.
        const kysely = db as Kysely<InvoiceDB>;
        return { compile: () => sql.raw(text).compile(kysely) };
      });
    for (const text of [
      'commit',
      'begin',
      'drop table jobs',
      'create table x (a text)',
      ...(ENGINE === 'sqlite' ? ['pragma foreign_keys = off'] : ["set search_path = 'x'"]),
    ]) {
      await refusedBy(raw(text)(), 'NOT_SUPPORTED');
    }
  });

  it('a plugin is refused: it would not change the rows', async () => {
    const camel = prepared((db: Invoices) =>
      db.withPlugin(new CamelCasePlugin()).selectFrom('invoices').select('id'),
    );
    await refusedBy(camel(), 'NOT_SUPPORTED');
    const late = prepared((db: Invoices) =>
      db.selectFrom('invoices').select('id').withPlugin(new CamelCasePlugin()),
    );
    await refusedBy(late(), 'NOT_SUPPORTED');
  });

  it('parameters are taken one by one', async () => {
    const spread = prepared((db: Invoices, p: Params<{ id: string }>) =>
      db.insertInto('invoices').values(p),
    );
    await refusedBy(spread({ id: 'a' }), 'INVALID_ARGUMENT');
  });

  it('a constant that SQL has no word for, and a function that throws, name themselves', async () => {
    const constant = prepared((db: Invoices) =>
      db
        .selectFrom('invoices')
        .select('id')
        .where('note', '=', undefined as never),
    );
    await refusedBy(constant(), 'INVALID_ARGUMENT');
    const broken = prepared((): Compilable<unknown> => {
      throw new Error('mine');
    });
    const failed = await refusedBy(broken(), 'INVALID_ARGUMENT');
    expect(String(failed)).toContain('mine');
  });

  it("a table that isn't there is the query's fault", async () => {
    const { db } = await testDatabase();
    const failed = await rejection(db.all(byId({ id: 'a' })));
    expect(failed).toMatchObject({ code: 'INVALID_ARGUMENT', operation: 'invoices.byId' });
  });

  it('select * follows a table that another program alters', async () => {
    const { db, writeByAnother } = await withInvoices();
    await db.all(insert(invoice('a')));
    const all = prepared((tables: Invoices) => tables.selectFrom('invoices').selectAll());
    const returning = prepared((tables: Invoices, p: Params<{ note: string }>) =>
      tables.updateTable('invoices').set({ note: p.note }).returningAll(),
    );
    const keys = async () => [
      Object.keys((await db.first(all())) ?? {}),
      Object.keys((await db.first(returning({ note: 'n' }))) ?? {}),
      Object.keys((await db.transaction((tx) => tx.first(all()))) ?? {}),
    ];
    const columns = ['id', 'note', 'amount', 'bytes'];
    expect(await keys()).toEqual([columns, columns, columns]);
    await writeByAnother("alter table invoices add column more text default 'x'");
    const added = [...columns, 'more'];
    expect(await keys()).toEqual([added, added, added]);
    await writeByAnother('alter table invoices rename column more to other');
    const renamed = [...columns, 'other'];
    expect(await keys()).toEqual([renamed, renamed, renamed]);
    expect(await db.first(all())).toMatchObject({ id: 'a', note: 'n', amount: 1, other: 'x' });
  });
});

it('after close every call is refused', async () => {
  const { db } = await withInvoices();
  await db.all(insert(invoice('a')));
  const last = db.batch([insert(invoice('b'))]);
  await db.close();
  await last;
  for (const call of [
    () => db.all(insert(invoice('c'))),
    () => db.first(ids()),
    () => db.batch([ids(), count()]),
  ]) {
    expect(await rejection(call())).toMatchObject({ code: 'CLOSED' });
  }
});

it('onQuery names the query, and never its values', async () => {
  const events: QueryEvent[] = [];
  const { db } = await withInvoices((event) => events.push(event));
  events.length = 0;
  await db.batch([insert({ id: 'secret', note: null, amount: 1 }), count()]);
  await db.first(byId({ id: 'secret' }));
  await rejection(db.all(insert({ id: 'secret', note: null, amount: 1 })));
  const named = events.filter(({ operation }) => operation !== undefined);
  expect(named.map(({ operation }) => operation)).toEqual([
    'invoices.insert',
    'invoices.byId',
    'invoices.insert',
  ]);
  expect(JSON.stringify(events.map(({ sql: text }) => text))).not.toContain('secret');
});

it('open takes the tables of a service, for kysely too', async () => {
  const { url } = await withInvoices();
  await using db = await PylonDb.open<InvoiceDB>(url, { migrations: INVOICES });
  await db.kysely.insertInto('invoices').values({ id: 'k', note: 'n' }).execute();
  await db.transaction(async (tx) => {
    expect(await tx.kysely.selectFrom('invoices').select('id').execute()).toEqual([{ id: 'k' }]);
  });
});
