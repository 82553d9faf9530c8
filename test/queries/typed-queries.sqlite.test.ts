import { readFileSync } from 'node:fs';
import { type QueryCreator, sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { type DB, type MigrationList, type Params, PylonDb, prepared } from '../../src/index.js';
import { rejection } from '../engine/failure.js';
import { job } from '../engine/fresh.js';
import { testFile } from '../file.js';

interface NotesDB extends DB {
  notes: { id: number; word: string };
  codes: { code: string };
}

const NOTES: MigrationList = {
  '002_notes': async () => ({
    up: async ({ context: db }) => {
      await sql`create table notes (id integer primary key, word text not null)`.execute(db);
    },
  }),
};

type Notes = QueryCreator<NotesDB>;

const insert = prepared((db: Notes, p: Params<{ id: number; word: string }>) =>
  db.insertInto('notes').values({ id: p.id, word: p.word }),
);
const insertTwo = prepared((db: Notes, p: Params<{ first: number; second: number }>) =>
  db.insertInto('notes').values([
    { id: p.first, word: 'w' },
    { id: p.second, word: 'w' },
  ]),
);
const insertTwoOrFail = prepared((db: Notes, p: Params<{ first: number; second: number }>) =>
  db
    .insertInto('notes')
    .orFail()
    .values([
      { id: p.first, word: 'w' },
      { id: p.second, word: 'w' },
    ]),
);
const ids = prepared((db: Notes) => db.selectFrom('notes').select('id').orderBy('id'));

const withNotes = () => testFile({ migrations: NOTES });

/** Alone in its turn, in a batch, and next to another call: the ways in which a write runs. */
async function expectNothingOf(
  db: PylonDb,
  query: ReturnType<typeof insertTwo>,
  stored: Parameters<PylonDb['all']>[0] = ids(),
): Promise<void> {
  const before = await db.all(stored);
  for (const call of [() => db.all(query), () => db.batch([stored, query])]) {
    expect(await rejection(call())).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(await db.all(stored)).toEqual(before);
  }
  const [failed, other] = await Promise.allSettled([db.all(query), db.jobs.create(job('other'))]);
  expect([failed.status, other.status]).toEqual(['rejected', 'fulfilled']);
  expect(await db.all(stored)).toEqual(before);
}

describe('a write that fails halfway leaves nothing', () => {
  it('by its own OR FAIL', async () => {
    const { db } = await withNotes();
    await db.all(insert({ id: 2, word: 'w' }));
    await expectNothingOf(db, insertTwoOrFail({ first: 1, second: 2 }));
  });

  it('by a constraint of its table that says FAIL', async () => {
    const { db } = await withNotes();
    await sql`create table codes (code text unique on conflict fail)`.execute(db.kysely);
    const insertTwice = prepared((tables: Notes, p: Params<{ code: string }>) =>
      tables.insertInto('codes').values([{ code: p.code }, { code: p.code }]),
    );
    const codes = prepared((tables: Notes) => tables.selectFrom('codes').select('code'));
    await expectNothingOf(db, insertTwice({ code: 'c' }), codes());
  });

  it('by a trigger that raises FAIL', async () => {
    const { db } = await withNotes();
    await sql`create trigger no_two before insert on notes when new.id = 2
      begin select raise(fail, 'two'); end`.execute(db.kysely);
    await expectNothingOf(db, insertTwo({ first: 1, second: 2 }));
  });
});

it('works in memory', async () => {
  await using db = await PylonDb.openInMemory<NotesDB>({ migrations: NOTES });
  await db.batch([insert({ id: 1, word: 'a' }), insert({ id: 2, word: 'b' })]);
  expect(await db.batch([ids(), ids()])).toEqual([
    [{ id: 1 }, { id: 2 }],
    [{ id: 1 }, { id: 2 }],
  ]);
  expect(await db.first(ids())).toEqual({ id: 1 });
});

it('gives the key that SQLite made, also beyond 2^53', async () => {
  const { db } = await withNotes();
  const add = prepared((tables: Notes, p: Params<{ word: string }>) =>
    tables.insertInto('notes').values({ id: sql`null`, word: p.word }),
  );
  expect(await db.first(add({ word: 'a' }))).toMatchObject({ insertId: 1n });
  const big = prepared((tables: Notes, p: Params<{ id: bigint }>) =>
    tables.insertInto('notes').values({ id: sql`${p.id}`, word: 'w' }),
  );
  expect(await db.first(big({ id: 2n ** 60n }))).toMatchObject({ insertId: 2n ** 60n });
  const ignored = prepared((tables: Notes, p: Params<{ id: number }>) =>
    tables
      .insertInto('notes')
      .values({ id: p.id, word: 'w' })
      .onConflict((conflict) => conflict.doNothing()),
  );
  expect(await db.first(ignored({ id: 1 }))).toEqual({
    insertId: undefined,
    numInsertedOrUpdatedRows: 0n,
  });
});

it('batches of one turn share a commit with the services', async () => {
  const { db, path } = await withNotes();
  const frames = () => readFileSync(`${path}-wal`).length;
  await db.all(insert({ id: 0, word: 'w' }));
  const alone = frames();
  await db.all(insert({ id: 1, word: 'w' }));
  const one = frames() - alone;
  const before = frames();
  await Promise.all([
    ...Array.from({ length: 50 }, (_, i) => db.batch([insert({ id: 100 + i, word: 'w' })])),
    db.jobs.create(job('j')),
  ]);
  // The pages of jobs and its indexes are written once as well.
  expect(frames() - before).toBeLessThan(50 * one);
  expect(await db.all(ids())).toHaveLength(52);
});

it("reads pylon-db's own totals", async () => {
  const { db } = await withNotes();
  const totals = prepared((tables: Notes) =>
    tables.selectFrom('pylon_db_job_totals').select('count').where('status', '=', 'pending'),
  );
  await db.jobs.create(job('a'));
  expect(await db.all(totals())).toEqual([{ count: 1 }]);
});
