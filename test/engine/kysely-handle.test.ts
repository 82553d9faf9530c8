import { CamelCasePlugin, type Generated, type Kysely, sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import type { DB } from '../../generated/db.js';
import { isPylonDbError, type PylonDb } from '../../src/index.js';
import { failureOf, rejection } from './failure.js';
import { job, openFresh } from './fresh.js';
import { readOutside, valueOutside, writeOutside } from './outside.js';

/** A table of the caller's own. */
type Notes = { notes: { id: Generated<number>; text: string } };

async function withNotes(): Promise<{ db: PylonDb; kysely: Kysely<DB & Notes> }> {
  const db = await openFresh();
  await sql`create table notes (id integer primary key, text text not null unique)`.execute(
    db.kysely,
  );
  return { db, kysely: db.kysely.withTables<Notes>() };
}

const row = (id: string) => ({ ...job(id), status: 'pending', started_at: 1 }) as const;

const jobIds = (path: string) => readOutside(path, 'select id from jobs order by id');

describe('db.kysely', () => {
  it('inserts, selects, updates and deletes', async () => {
    const { kysely } = await openFresh();
    await kysely
      .insertInto('jobs')
      .values([row('a'), row('b')])
      .execute();
    await kysely.updateTable('jobs').set({ kind: 7 }).where('id', '=', 'a').execute();
    await kysely.deleteFrom('jobs').where('id', '=', 'b').execute();
    const rows = await kysely.selectFrom('jobs').select(['id', 'kind']).execute();
    expect(rows).toEqual([{ id: 'a', kind: 7 }]);
  });

  it('tells the id of a new row and how many rows it changed', async () => {
    const { db, kysely } = await withNotes();
    const inserted = await kysely.insertInto('notes').values({ text: 'a' }).executeTakeFirst();
    expect(inserted).toMatchObject({ insertId: 1n, numInsertedOrUpdatedRows: 1n });
    await kysely.insertInto('notes').values({ text: 'b' }).execute();
    const updated = await kysely.updateTable('notes').set({ text: sql`text || '!'` }).execute();
    expect(updated[0]?.numUpdatedRows).toBe(2n);
    const [deleted] = await kysely.deleteFrom('notes').where('id', '=', 9).execute();
    expect(deleted?.numDeletedRows).toBe(0n);
    const returned = kysely.updateTable('notes').set({ text: 'c' }).where('id', '=', 1);
    expect(await returned.returningAll().execute()).toEqual([{ id: 1, text: 'c' }]);
    expect(readOutside(db.path, 'select text from notes')).toEqual([{ text: 'c' }, { text: 'b!' }]);
  });

  it('streams rows', async () => {
    const { db, kysely } = await withNotes();
    await kysely
      .insertInto('notes')
      .values([{ text: 'a' }, { text: 'b' }])
      .execute();
    const seen: string[] = [];
    for await (const { text } of kysely.selectFrom('notes').select('text').orderBy('id').stream()) {
      seen.push(text);
    }
    await db.transaction(async (tx) => {
      for await (const { id } of tx.kysely
        .withTables<Notes>()
        .selectFrom('notes')
        .selectAll()
        .stream()) {
        seen.push(String(id));
      }
    });
    expect(seen).toEqual(['a', 'b', '1', '2']);
  });

  it('sees every write that was acknowledged before', async () => {
    const db = await openFresh();
    const count = db.kysely.selectFrom('jobs').select(({ fn }) => fn.countAll<number>().as('n'));
    for (let n = 1; n <= 20; n++) {
      await db.jobs.create(job(`job ${n}`));
      expect(await count.executeTakeFirstOrThrow()).toEqual({ n });
    }
  });

  it('changes the schema, alone or in a transaction', async () => {
    const { db, kysely } = await withNotes();
    await kysely.schema.alterTable('notes').addColumn('extra', 'integer').execute();
    const failed = db.transaction(async (tx) => {
      await tx.kysely.schema.createIndex('notes_extra').on('notes').column('extra').execute();
      throw new Error('own');
    });
    await rejection(failed);
    const names = "select name from sqlite_master where tbl_name = 'notes' and sql is not null";
    expect(readOutside(db.path, names)).toEqual([{ name: 'notes' }]);
    await kysely.schema.dropTable('notes').execute();
    expect(readOutside(db.path, names)).toEqual([]);
  });

  it('lists tables and columns of the live schema', async () => {
    const { kysely } = await withNotes();
    const tables = await kysely.introspection.getTables();
    const notes = tables.find(({ name }) => name === 'notes');
    expect(notes?.columns.map(({ name }) => name)).toEqual(['id', 'text']);
  });

  it('writes with WITH and with RETURNING', async () => {
    const { db, kysely } = await withNotes();
    await sql`with n(t) as (values ('a'), ('b')) insert into notes (text) select t from n`.execute(
      kysely,
    );
    const given = await sql`delete from notes where text = 'a' returning id`.execute(kysely);
    expect(given.rows).toEqual([{ id: 1 }]);
    expect(readOutside(db.path, 'select text from notes')).toEqual([{ text: 'b' }]);
  });
});

describe('a failing query', () => {
  it.each([
    ['primary_key', "insert into notes values (1, 'other')"],
    ['unique', "insert into notes values (2, 'a')"],
    ['not_null', 'insert into notes values (2, null)'],
    ['check', "update jobs set status = 'lost'"],
    [
      'foreign_key',
      "insert into earnings (id, job_id, amount_msats, source) values (1, 'x', 1, 'job')",
    ],
  ])(
    'tells the constraint (%s) and its cause, and stores nothing',
    async (constraint, statement) => {
      const { db, kysely } = await withNotes();
      await db.jobs.create(job('a'));
      await kysely.insertInto('notes').values({ text: 'a' }).execute();
      const run = (handle: Kysely<DB>) => sql.raw(statement).execute(handle);
      for (const call of [() => run(db.kysely), () => db.transaction((tx) => run(tx.kysely))]) {
        const error = await failureOf(call(), 'INVALID_ARGUMENT');
        expect(error).toMatchObject({ field: 'sql', constraint });
        expect(error.cause).toMatchObject({ code: expect.stringMatching(/^SQLITE_CONSTRAINT_/) });
      }
      expect(valueOutside(db.path, 'select count(*) from notes')).toBe(1);
    },
  );

  it.each([
    ['SQL that is none', () => sql`selekt 1`],
    ['an unknown table', () => sql`select * from nowhere`],
    ['two statements', () => sql`select 1; select 2`],
    ['a parameter that is no value', () => sql`select ${true}`],
    ['a parameter that is an object', () => sql`select ${{ a: 1 }}`],
  ])('is INVALID_ARGUMENT for %s', async (_, query) => {
    const db = await openFresh();
    expect(await failureOf(query().execute(db.kysely), 'INVALID_ARGUMENT')).toMatchObject({
      field: 'sql',
      operation: 'db.kysely',
    });
    await db.transaction(async (tx) => {
      const error = await failureOf(query().execute(tx.kysely), 'INVALID_ARGUMENT');
      expect(error.operation).toBe('tx.kysely');
    });
  });

  it('is INVALID_ARGUMENT for a parameter that is a list', async () => {
    const db = await openFresh();
    await failureOf(sql`select ${['a']}`.execute(db.kysely), 'INVALID_ARGUMENT');
  });
});

describe('an integer', () => {
  it.each(['9007199254740993', '-9007199254740993', '9223372036854775807'])(
    'beyond 2^53-1 throws OUT_OF_RANGE, naming its column (%s)',
    async (large) => {
      const db = await openFresh();
      const query = sql`select 1 as small, ${sql.raw(large)} as large`;
      expect((await failureOf(query.execute(db.kysely), 'OUT_OF_RANGE')).column).toBe('large');
      await db.transaction(async (tx) => {
        expect((await failureOf(query.execute(tx.kysely), 'OUT_OF_RANGE')).column).toBe('large');
      });
    },
  );

  it('up to 2^53-1 is exact, and so is what a bigint stored', async () => {
    const db = await openFresh();
    const { rows } = await sql`
      select 9007199254740991 as most, -9007199254740991 as least, 1.5 as real,
        cast(${2n ** 62n + 1n} as text) as text, x'00ff' as blob, null as absent`.execute(
      db.kysely,
    );
    expect(rows).toEqual([
      {
        most: Number.MAX_SAFE_INTEGER,
        least: Number.MIN_SAFE_INTEGER,
        real: 1.5,
        text: '4611686018427387905',
        blob: Buffer.from([0, 255]),
        absent: null,
      },
    ]);
  });
});

/** Every handle that comes from db.kysely keeps its queue. */
const HANDLES: readonly [name: string, handle: (db: PylonDb) => Kysely<DB>][] = [
  ['itself', (db) => db.kysely],
  ['withPlugin', (db) => db.kysely.withPlugin(new CamelCasePlugin())],
  ['withoutPlugins', (db) => db.kysely.withPlugin(new CamelCasePlugin()).withoutPlugins()],
  ['withTables', (db) => db.kysely.withTables<Record<never, never>>()],
];

describe.each(HANDLES)('%s', (_, handleOf) => {
  it('commits and rolls back through transaction().execute', async () => {
    const db = await openFresh();
    const handle = handleOf(db);
    const given = await handle.transaction().execute(async (trx) => {
      await trx.insertInto('jobs').values(row('a')).execute();
      expect(jobIds(db.path)).toEqual([]);
      return 'given';
    });
    expect(given).toBe('given');
    const own = new Error('own');
    const failing = handle.transaction().execute(async (trx) => {
      await trx.insertInto('jobs').values(row('b')).execute();
      throw own;
    });
    expect(await rejection(failing)).toBe(own);
    expect(jobIds(db.path)).toEqual([{ id: 'a' }]);
  });

  it('refuses db inside its transaction, and itself too', async () => {
    const db = await openFresh();
    const handle = handleOf(db);
    await handle.transaction().execute(async (trx) => {
      await failureOf(db.jobs.create(job('a')), 'OUTER_HANDLE_IN_TRANSACTION');
      await failureOf(
        handle.selectFrom('jobs').selectAll().execute(),
        'OUTER_HANDLE_IN_TRANSACTION',
      );
      await trx.insertInto('jobs').values(row('b')).execute();
    });
    expect(jobIds(db.path)).toEqual([{ id: 'b' }]);
  });

  it('refuses what would go round the queue', async () => {
    const db = await openFresh();
    const handle = handleOf(db);
    await refusesEscapes(handle);
    for (const build of [
      () => handle.transaction().setIsolationLevel('serializable').execute(nothing),
      () => handle.transaction().setAccessMode('read only').execute(nothing),
    ]) {
      await failureOf(called(build), 'NOT_SUPPORTED');
    }
    await db.jobs.create(job('works'));
    expect(await handle.selectFrom('jobs').select('id').execute()).toEqual([{ id: 'works' }]);
  });

  it('refuses it inside a transaction as well', async () => {
    const db = await openFresh();
    await handleOf(db)
      .transaction()
      .execute(async (trx) => {
        await refusesEscapes(trx);
        await failureOf(
          called(() => trx.transaction().execute(nothing)),
          'NOT_SUPPORTED',
        );
        await trx.insertInto('jobs').values(row('works')).execute();
      });
    expect(jobIds(db.path)).toEqual([{ id: 'works' }]);
  });
});

describe("withSchema('main')", () => {
  it('runs queries', async () => {
    const { kysely } = await openFresh();
    const main = kysely.withSchema('main');
    await main.insertInto('jobs').values(row('a')).execute();
    expect(await main.selectFrom('jobs').select('id').execute()).toEqual([{ id: 'a' }]);
  });

  it('commits through transaction().execute', async () => {
    const db = await openFresh();
    await db.kysely
      .withSchema('main')
      .transaction()
      .execute(async (trx) => {
        await trx.insertInto('jobs').values(row('a')).execute();
      });
    expect(jobIds(db.path)).toEqual([{ id: 'a' }]);
  });

  it('refuses what would go round the queue', async () => {
    const db = await openFresh();
    await refusesEscapes(db.kysely.withSchema('main'));
  });

  it('refuses it on tx.kysely, with an error of ours', async () => {
    const db = await openFresh();
    await db.transaction((tx) => refusesEscapes(tx.kysely.withSchema('main')));
  });
});

describe('CamelCasePlugin', () => {
  it('renames columns on db and inside its transaction', async () => {
    const db = await openFresh();
    const camel = db.kysely
      .withPlugin(new CamelCasePlugin())
      .withTables<{ jobs: { id: string; customerPubkey: string } }>();
    await db.jobs.create(job('a'));
    const named = [{ customerPubkey: 'customer' }];
    expect(await camel.selectFrom('jobs').select('customerPubkey').execute()).toEqual(named);
    await camel.transaction().execute(async (trx) => {
      expect(await trx.selectFrom('jobs').select('customerPubkey').execute()).toEqual(named);
    });
  });
});

describe('tx.kysely', () => {
  it.each(HANDLES)('refuses what would go round the transaction (%s)', async (name) => {
    const db = await openFresh();
    await db.transaction(async (tx) => {
      const handle = derived(name, tx.kysely);
      await refusesEscapes(handle);
      await handle.insertInto('jobs').values(row('works')).execute();
    });
    expect(jobIds(db.path)).toEqual([{ id: 'works' }]);
  });
});

describe('a statement that is kept', () => {
  it('gives the right columns after another program changed the table', async () => {
    const { db, kysely } = await withNotes();
    await kysely.insertInto('notes').values({ text: 'a' }).execute();
    const all = kysely.selectFrom('notes').selectAll();
    expect(await all.execute()).toEqual([{ id: 1, text: 'a' }]);
    writeOutside(
      db.path,
      `alter table notes add column extra text default 'b';
       alter table notes rename column text to words`,
    );
    expect(await all.execute()).toEqual([{ id: 1, words: 'a', extra: 'b' }]);
  });
});

const nothing = async () => {};

/** What `build` gives, also when it throws at once. */
async function called(build: () => unknown): Promise<unknown> {
  return await build();
}

function derived(name: string, kysely: Kysely<DB>): Kysely<DB> {
  if (name === 'withPlugin') return kysely.withPlugin(new CamelCasePlugin());
  if (name === 'withoutPlugins') return kysely.withoutPlugins();
  if (name === 'withTables') return kysely.withTables<Record<never, never>>();
  return kysely;
}

const CONTROL = [
  'begin',
  'BEGIN IMMEDIATE',
  '  \n\t begin exclusive',
  '-- a comment\nbegin',
  '/* one */ /* two\n lines */ -- three\r\n begin',
  ';begin',
  '\uFEFFbegin',
  'commit',
  'END',
  'rollback',
  'savepoint mine',
  'release mine',
  "attach ':memory:' as other",
  'detach other',
];

async function refusesEscapes(handle: Kysely<DB>): Promise<void> {
  for (const statement of CONTROL) {
    const error = await rejection(sql.raw(statement).execute(handle));
    expect([statement, isPylonDbError(error, 'NOT_SUPPORTED')]).toEqual([statement, true]);
  }
  for (const around of [
    () => handle.startTransaction().execute(),
    () => handle.connection().execute(nothing),
    () => handle.destroy(),
  ]) {
    await failureOf(called(around), 'NOT_SUPPORTED');
  }
}
