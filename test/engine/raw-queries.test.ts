import { type Kysely, sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import type { DB } from '../../generated/db.js';
import type { PylonDb, QueryEvent } from '../../src/index.js';
import { ENGINE, testDatabase } from '../database.js';
import { failureOf, rejection } from './failure.js';
import { job } from './fresh.js';

describe('integers of ad-hoc queries', () => {
  it.each([
    ['0', 0],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['-9007199254740991', Number.MIN_SAFE_INTEGER],
    ['1.5', 1.5],
    ['cast(1e300 as double precision)', 1e300],
    ["'9007199254740993'", '9007199254740993'],
    ['null', null],
  ])('%s comes as %s', async (text, value) => {
    const { db } = await testDatabase();
    const { rows } = await sql.raw<{ v: unknown }>(`select ${text} as v`).execute(db.kysely);
    expect(rows).toEqual([{ v: value }]);
  });

  it.each([
    '9007199254740992',
    '-9007199254740992',
    '9007199254740993',
    '9223372036854775807',
    '-9223372036854775807 - 1',
  ])('%s throws OUT_OF_RANGE naming the column, inside a transaction too', async (text) => {
    const { db } = await testDatabase();
    const query = sql.raw(`select 1 as small, ${text} as large`);
    expect((await failureOf(query.execute(db.kysely), 'OUT_OF_RANGE')).column).toBe('large');
    await db.transaction(async (tx) => {
      await failureOf(query.execute(tx.kysely), 'OUT_OF_RANGE');
    });
  });

  it('never come rounded from a stored column', async () => {
    const { db, writeByAnother } = await testDatabase();
    await writeByAnother(
      "insert into earnings (id, amount_msats, source) values ('a', 9007199254740993, 'tip')",
    );
    const select = db.kysely.selectFrom('earnings').select('amount_msats');
    expect((await failureOf(select.execute(), 'OUT_OF_RANGE')).column).toBe('amount_msats');
    const asText = db.kysely
      .selectFrom('earnings')
      .select((eb) => eb.cast<string>('amount_msats', 'text').as('amount'));
    expect(await asText.execute()).toEqual([{ amount: '9007199254740993' }]);
  });
});

/** The type of bytes. */
const BYTES = sql.raw(ENGINE === 'sqlite' ? 'blob' : 'bytea');

describe('values of ad-hoc queries', () => {
  it('come back as they went in', async () => {
    const { db } = await testDatabase();
    const blob = Buffer.from([0, 255, 1]);
    const { rows } = await sql<{
      b: Buffer;
    }>`select cast(${blob} as ${BYTES}) as b, cast(${'ü\u{1f426}'} as text) as t,
      cast(${null} as text) as n, cast(${5n} as bigint) as i`.execute(db.kysely);
    expect(rows).toEqual([{ b: blob, t: 'ü\u{1f426}', n: null, i: 5 }]);
  });
});

describe('onQuery', () => {
  const SECRET = 'a-secret-preimage';

  async function playADay(db: PylonDb): Promise<void> {
    await db.jobs.create(job(SECRET));
    await db.jobs.get(SECRET);
    await db.jobs.completeWithPayment(SECRET, { price_msats: 77_123, preimage: SECRET });
    await rejection(
      db.earnings.record({ id: SECRET, job_id: 'unknown', amount_msats: 77_123, source: 'job' }),
    );
    await db.kysely.selectFrom('jobs').selectAll().where('id', '=', SECRET).execute();
    await rejection(sql`select ${SECRET} from nowhere`.execute(db.kysely));
    await db.transaction(async (tx) => void (await tx.jobs.get(SECRET)));
  }

  it('gets every statement, and no value', async () => {
    const events: QueryEvent[] = [];
    const { db } = await testDatabase({ onQuery: (event) => events.push(event) });
    events.length = 0;
    await playADay(db);
    expect(events.length).toBeGreaterThanOrEqual(8);
    for (const event of events) {
      if (ENGINE === 'sqlite') expect(event.sql).toMatch(/^(select|insert|update)/);
      expect(event.durationMs).toBeGreaterThanOrEqual(0);
      expect(Object.keys(event)).toEqual(
        event.error === undefined ? ['sql', 'durationMs'] : ['sql', 'durationMs', 'error'],
      );
      const reported = `${JSON.stringify(event)} ${String(event.error)}`;
      expect(reported).not.toContain(SECRET);
      expect(reported).not.toContain('77123');
    }
    const failed = events.filter(({ error }) => error !== undefined);
    // A server is asked, and refuses, what SQLite's driver can't even prepare.
    expect(failed).toHaveLength(ENGINE === 'sqlite' ? 1 : 2);
    expect(failed.map((event) => event.sql)).toContainEqual(
      expect.stringContaining('insert into "earnings"'),
    );
  });

  it('may throw: a call that then rejects has stored nothing', async () => {
    const { db, stored, value } = await testDatabase({
      onQuery: ({ sql: text }) => {
        if (text.startsWith('insert into "jobs"')) throw new Error('a broken listener');
      },
    });
    const alone = await db.jobs.create(job('alone')).then(
      () => true,
      () => false,
    );
    expect(await value("select count(*) from jobs where id = 'alone'")).toBe(Number(alone));
    const [one, two] = await Promise.allSettled(['x', 'y'].map((id) => db.jobs.create(job(id))));
    const rows = await stored("select id from jobs where id <> 'alone'");
    const resolved = [one, two].filter((ended) => ended?.status === 'fulfilled');
    expect(rows).toHaveLength(resolved.length);
  });
});

describe('an ad-hoc write whose answer is an integer beyond 2^53-1', () => {
  const LARGE = 9_007_199_254_740_993n;
  type Counts = { counts: { id: number; n: bigint } };

  async function withCounts() {
    const database = await testDatabase();
    await sql`create table counts (id integer primary key, n bigint not null)`.execute(
      database.db.kysely,
    );
    await sql`insert into counts values (1, ${LARGE})`.execute(database.db.kysely);
    return database;
  }

  const WRITES: Readonly<Record<string, (db: Kysely<DB & Counts>) => Streamable>> = {
    insert: (db) => db.insertInto('counts').values({ id: 2, n: LARGE }).returning('n'),
    update: (db) => db.updateTable('counts').set({ id: 3 }).returning('n'),
    delete: (db) => db.deleteFrom('counts').returningAll(),
    'insert behind WITH': (db) =>
      db
        .with('more', (cte) => cte.selectFrom('counts').select(['id', 'n']))
        .insertInto('counts')
        .columns(['id', 'n'])
        .expression((eb) => eb.selectFrom('more').select([sql<number>`id + 1`.as('id'), 'n']))
        .returning('n'),
  };

  interface Streamable {
    execute(): Promise<unknown>;
    stream(): AsyncIterable<unknown>;
  }

  const ASKED: Readonly<Record<string, (query: Streamable) => Promise<unknown>>> = {
    'is executed': (query) => query.execute(),
    'is streamed': async (query) => {
      for await (const _ of query.stream());
    },
  };

  const ways = Object.entries(WRITES).flatMap(([kind, write]) =>
    Object.entries(ASKED).map(([how, asked]) => ({ kind, how, write, asked })),
  );

  it.each(ways)('leaves nothing when the $kind $how', async ({ write, asked }) => {
    const { db, stored } = await withCounts();
    const kysely = db.kysely.withTables<Counts>();
    const ended = asked(write(kysely));
    expect((await failureOf(ended, 'OUT_OF_RANGE')).column).toBe('n');
    expect(await stored('select id from counts')).toEqual([{ id: 1 }]);
  });

  it.each(ways)(
    'leaves nothing when the $kind $how in a transaction that goes on',
    async ({ write, asked }) => {
      const { db, stored } = await withCounts();
      await db.transaction(async (tx) => {
        await tx.jobs.create(job('before'));
        const kysely = tx.kysely.withTables<Counts>();
        const ended = asked(write(kysely));
        await failureOf(ended, 'OUT_OF_RANGE');
        await tx.jobs.create(job('after'));
      });
      expect(await stored('select id from counts')).toEqual([{ id: 1 }]);
      expect(await db.jobs.list()).toHaveLength(2);
    },
  );

  it('leaves nothing among writes of the same turn, which are stored', async () => {
    const { db, stored } = await withCounts();
    const kysely = db.kysely.withTables<Counts>();
    const [a, failed, b] = await Promise.allSettled([
      db.jobs.create(job('a')),
      kysely.insertInto('counts').values({ id: 2, n: LARGE }).returning('n').execute(),
      db.jobs.create(job('b')),
    ]);
    expect([a.status, failed.status, b.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await stored('select id from counts')).toEqual([{ id: 1 }]);
    expect(await db.jobs.list()).toHaveLength(2);
  });
});

const WRITES_TO_THE_LEDGER = [
  'delete from migrations',
  "insert into migrations (name) values ('999_pylon_db_future')",
  "update migrations set name = 'other'",
  ...(ENGINE === 'postgres'
    ? ['truncate notes, migrations']
    : ['replace into migrations select * from migrations', "delete from 'migrations'"]),
];

describe('a query on a published table', () => {
  it.each([
    'drop table tick_history',
    'drop table if exists notes, tick_history',
    'alter table jobs rename to jobs2',
    'alter table jobs rename column price_msats to price',
    'ALTER TABLE "jobs" DROP COLUMN started_at',
    ...(ENGINE === 'postgres'
      ? [
          'alter table only jobs add column note text, drop column kind cascade',
          'alter table if exists jobs alter column price_msats type text',
          'alter table agents add column must text not null',
        ]
      : []),
  ])('is refused where other programs could not go on: %s', async (text) => {
    const { db, open } = await testDatabase();
    const failure = await failureOf(sql.raw(text).execute(db.kysely), 'NOT_SUPPORTED');
    expect(failure.hint).toContain('the option migrations of PylonDb.open');
    await (await open()).jobs.create(job('after'));
  });

  it.each([
    'drop table tick_history',
    'alter table jobs rename column price_msats to price',
    ...(ENGINE === 'postgres'
      ? [
          'alter table agents add column must text not null',
          "do $$ begin execute 'drop table tick_history'; end $$",
        ]
      : []),
  ])('undoes its transaction where other programs could not go on: %s', async (text) => {
    const { db, open, stored } = await testDatabase();
    const error = await failureOf(
      db.transaction(async (tx) => {
        await tx.jobs.create(job('inside'));
        await sql.raw(text).execute(tx.kysely);
      }),
      'NOT_SUPPORTED',
    );
    expect(error.message).toContain('the published schema would be broken');
    expect(await stored('select id from jobs')).toEqual([]);
    await (await open()).jobs.create(job('after'));
  });

  it.each(WRITES_TO_THE_LEDGER)('never writes to the ledger: %s', async (text) => {
    const { db, literals } = await testDatabase();
    const before = await literals('migrations');
    await failureOf(sql.raw(text).execute(db.kysely), 'NOT_SUPPORTED');
    await db.transaction(async (tx) => {
      await failureOf(sql.raw(text).execute(tx.kysely), 'NOT_SUPPORTED');
    });
    expect(await literals('migrations')).toEqual(before);
  });

  it('may add a column, an index and rows, and drop what is its own', async () => {
    const { db, stored } = await testDatabase();
    for (const text of [
      'alter table jobs add column priority integer default 7',
      'alter table jobs add column worth integer not null default 7',
      'create index jobs_by_priority on jobs (priority)',
      'create table alter_egos (id text, "drop" text)',
      'alter table alter_egos rename to jobs_of_others',
      'alter table jobs_of_others drop column id',
      'drop table jobs_of_others',
      'drop index jobs_by_priority',
      'select name from migrations',
    ]) {
      await sql.raw(text).execute(db.kysely);
    }
    await db.jobs.create(job('a'));
    expect(await stored('select priority from jobs')).toEqual([{ priority: 7 }]);
  });
});
