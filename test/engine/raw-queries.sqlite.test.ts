import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { testDatabase } from '../database.js';
import { failureOf } from './failure.js';
import { job } from './fresh.js';

describe('values that SQLite knows without a cast', () => {
  it('come back as they went in', async () => {
    const { db } = await testDatabase();
    const blob = Buffer.from([0, 255, 1]);
    const { rows } = await sql`select ${blob} as b, ${'ü\u{1f426}'} as t, ${null} as n, ${5n} as i,
      1e300 as real`.execute(db.kysely);
    expect(rows).toEqual([{ b: blob, t: 'ü\u{1f426}', n: null, i: 5, real: 1e300 }]);
  });

  it.each([[{}], [true], [Symbol('s')], [2n ** 64n]])(
    'that SQLite has no word for are refused',
    async (value) => {
      const { db } = await testDatabase();
      await failureOf(sql`select ${value} as v`.execute(db.kysely), 'INVALID_ARGUMENT');
    },
  );
});

describe('a statement that FAIL ends in the middle', () => {
  const TABLES: Readonly<Record<string, { table: string; or?: string; trigger?: string }>> = {
    'OR FAIL': { table: 'id integer primary key', or: 'or fail' },
    'ON CONFLICT FAIL of its table': { table: 'id integer primary key on conflict fail' },
    'RAISE(FAIL) of a trigger': {
      table: 'id integer',
      trigger: `create trigger refuse_two after insert on notes when new.id = 2
        begin select raise(fail, 'two'); end`,
    },
  };

  async function withNotes({
    table,
    or = '',
    trigger,
  }: {
    table: string;
    or?: string;
    trigger?: string;
  }) {
    const database = await testDatabase();
    const { db } = database;
    await sql`create table notes (${sql.raw(table)})`.execute(db.kysely);
    if (trigger === undefined) await sql`insert into notes values (2)`.execute(db.kysely);
    else await sql.raw(trigger).execute(db.kysely);
    const kept = await database.stored('select id from notes');
    const insert = sql`insert ${sql.raw(or)} into notes values (1), (2), (3)`;
    return { ...database, insert, kept };
  }

  it.each(Object.entries(TABLES))('is undone whole: %s', async (_, how) => {
    const { db, stored, insert, kept } = await withNotes(how);
    const { hint } = await failureOf(insert.execute(db.kysely), 'INVALID_ARGUMENT');
    expect(hint).toContain('Nothing was stored');
    expect(await stored('select id from notes')).toEqual(kept);
  });

  it.each(Object.entries(TABLES))('is undone in a transaction that goes on: %s', async (_, how) => {
    const { db, stored, insert, kept } = await withNotes(how);
    await db.transaction(async (tx) => {
      await failureOf(insert.execute(tx.kysely), 'INVALID_ARGUMENT');
      await tx.jobs.create(job('a'));
    });
    expect(await stored('select id from notes')).toEqual(kept);
    expect(await db.jobs.list()).toHaveLength(1);
  });

  it('is undone among writes of the same turn, which are stored', async () => {
    const { db, stored, kept } = await withNotes(
      TABLES['ON CONFLICT FAIL of its table'] ?? { table: '' },
    );
    const notes = db.kysely.withTables<{ notes: { id: number } }>().insertInto('notes');
    const ends = await Promise.allSettled([
      db.jobs.create(job('a')),
      notes.values([{ id: 1 }, { id: 2 }]).execute(),
      db.jobs.create(job('b')),
    ]);
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await stored('select id from notes')).toEqual(kept);
    expect(await db.jobs.list()).toHaveLength(2);
  });
});
