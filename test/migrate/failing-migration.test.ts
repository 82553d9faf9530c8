import { join } from 'node:path';
import Database from 'better-sqlite3';
import { type Kysely, sql } from 'kysely';
import { beforeEach, describe, expect, it } from 'vitest';
import { migrations } from '../../migrations/index.js';
import { type Migration, type MigrationList, PylonDb } from '../../src/index.js';
import { failureOf, rejection } from '../engine/failure.js';
import { readOutside, writeOutside } from '../engine/outside.js';
import { migratedFile } from '../migrated-file.js';
import { temporaryFolder } from '../temporary.js';
import { contentsOf } from './schema-of.js';

const ROWS = `
  insert into jobs (id, kind, customer_pubkey, status, started_at) values
    ('a', 1, 'c', 'pending', 1), ('b', 1, 'c', 'completed', 2);
  insert into earnings (id, job_id, amount_msats, source) values ('e', 'b', 7, 'job');`;

/** A service's migration, statement by statement; after any of them it may break off. */
const STATEMENTS: readonly ((db: Kysely<unknown>) => Promise<unknown>)[] = [
  (db) =>
    db.schema
      .createTable('tasks')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .execute(),
  (db) => db.schema.alterTable('jobs').addColumn('priority', 'integer').execute(),
  (db) => sql`update jobs set priority = kind * 10`.execute(db),
  (db) => sql`insert into tasks (id) select id from jobs`.execute(db),
  (db) => db.schema.createIndex('jobs_priority').on('jobs').column('priority').execute(),
  (db) => sql`delete from earnings where job_id = 'b'`.execute(db),
  (db) =>
    sql`create trigger tasks_follow after insert on jobs begin
      insert into tasks (id) values (new.id); end`.execute(db),
  (db) => db.schema.alterTable('tasks').renameTo('chores').execute(),
];

const BAD: readonly [name: string, text: string][] = [
  ['a syntax error', 'creat table nonsense (id)'],
  ['an unknown table', 'insert into never_there (id) values (1)'],
  [
    'a broken rule',
    "insert into jobs (id, kind, customer_pubkey, status) values ('x', 1, 'c', 'odd')",
  ],
  ['an abort', "insert or rollback into jobs (id) values ('a')"],
];

const up = (run: Migration['up']): MigrationList => ({ '002_service': async () => ({ up: run }) });

const fixed = up(async ({ context }) => {
  for (const statement of STATEMENTS) await statement(context);
});

let path: string;

beforeEach(async () => {
  path = join(temporaryFolder(), 'pylon.db');
  migratedFile(path);
  writeOutside(path, ROWS);
});

function contents(): Record<string, unknown> {
  const db = new Database(path, { readonly: true });
  try {
    return contentsOf(db);
  } finally {
    db.close();
  }
}

const open = (migrations: MigrationList) => PylonDb.open(path, { migrations });

async function expectMendedToWork(): Promise<void> {
  await (await open(fixed)).close();
  expect(readOutside(path, 'select id from chores order by id')).toEqual([
    { id: 'a' },
    { id: 'b' },
  ]);
  expect(readOutside(path, "select 1 as done from migrations where name = '002_service'")).toEqual([
    { done: 1 },
  ]);
}

describe.each(BAD)('a migration that fails with %s', (_, text) => {
  it.each(STATEMENTS.map((_, k) => k).concat(STATEMENTS.length))(
    'after %i statements leaves schema and rows as they were, and works once fixed',
    async (k) => {
      const before = contents();
      const failing = up(async ({ context }) => {
        for (const statement of STATEMENTS.slice(0, k)) await statement(context);
        await sql.raw(text).execute(context);
      });
      const error = await failureOf(open(failing), 'MIGRATION_FAILED');
      // Of the caller's API nothing was called.
      expect(error.message).not.toContain('tx.kysely');
      expect(error.migration).toBe('002_service');
      expect(error.statement).toBe(text);
      expect(error.message).toContain('002_service');
      expect(error.message).toContain(text);
      expect(error.operation).toBe('PylonDb.open');
      expect(contents()).toEqual(before);
      await expectMendedToWork();
    },
  );
});

describe('a migration that throws by itself', () => {
  it('leaves nothing, and its error is the cause', async () => {
    const before = contents();
    const own = new Error('no more');
    const failing = up(async ({ context }) => {
      await STATEMENTS[0]?.(context);
      throw own;
    });
    const error = await failureOf(open(failing), 'MIGRATION_FAILED');
    expect(error.cause).toBe(own);
    expect(error.migration).toBe('002_service');
    expect(error.statement).toBeUndefined();
    expect(error.message).toContain('no more');
    expect(contents()).toEqual(before);
    await expectMendedToWork();
  });

  it('may throw something that is not an error', async () => {
    const failing = up(async () => {
      throw 'text';
    });
    const error = await failureOf(open(failing), 'MIGRATION_FAILED');
    expect(error.message).toContain('text');
  });

  it('fails the same way when its file cannot be imported', async () => {
    const missing: MigrationList = {
      '002_service': async () => {
        throw new Error('Cannot find module');
      },
    };
    expect((await failureOf(open(missing), 'MIGRATION_FAILED')).migration).toBe('002_service');
  });
});

describe('a migration that catches an error', () => {
  it('goes on after one that left the transaction open', async () => {
    const catching = up(async ({ context }) => {
      await rejection(sql`insert into jobs (id) values ('a')`.execute(context));
      for (const statement of STATEMENTS) await statement(context);
    });
    await (await open(catching)).close();
    expect(readOutside(path, 'select count(*) as n from chores')).toEqual([{ n: 2 }]);
  });

  it('leaves nothing after one that made SQLite roll back, whatever it does then', async () => {
    const before = contents();
    const refused: unknown[] = [];
    const swallowing = up(async ({ context }) => {
      await STATEMENTS[0]?.(context);
      await rejection(sql`insert or rollback into jobs (id) values ('a')`.execute(context));
      for (const statement of STATEMENTS) refused.push(await rejection(statement(context)));
    });
    const error = await failureOf(open(swallowing), 'MIGRATION_FAILED');
    expect(error.migration).toBe('002_service');
    expect(refused).toHaveLength(STATEMENTS.length);
    for (const one of refused) expect(one).toMatchObject({ code: 'ABORTED' });
    expect(contents()).toEqual(before);
    await expectMendedToWork();
  });
});

describe('a query that a migration did not await', () => {
  it('is refused when it comes after up() returned', async () => {
    const late: Promise<unknown>[] = [];
    const floating = up(async ({ context }) => {
      await STATEMENTS[0]?.(context);
      const pause = new Promise((resolve) => setTimeout(resolve, 20));
      late.push(
        rejection(pause.then(() => sql`insert into tasks values ('late')`.execute(context))),
      );
    });
    const db = await open(floating);
    expect(await late[0]).toMatchObject({ code: 'TRANSACTION_ENDED' });
    await db.close();
    expect(readOutside(path, 'select * from tasks')).toEqual([]);
  });
});

describe('several migrations', () => {
  const list = (second: Migration['up']): MigrationList => ({
    '002_first': async () => ({
      async up({ context }) {
        await STATEMENTS[0]?.(context);
      },
    }),
    '003_second': async () => ({ up: second }),
  });

  it('keeps those before the one that failed', async () => {
    const failing = list(async ({ context }) => {
      await STATEMENTS[1]?.(context);
      await sql`bad`.execute(context);
    });
    const error = await failureOf(open(failing), 'MIGRATION_FAILED');
    expect(error.migration).toBe('003_second');
    const names = "select name from migrations where name not like '%pylon%' order by id";
    expect(readOutside(path, names)).toEqual([
      { name: '001_initial_schema' },
      { name: '002_first' },
    ]);
    await (await open(list(async ({ context }) => void (await STATEMENTS[1]?.(context))))).close();
    expect(readOutside(path, names)).toHaveLength(3);
  });

  it('run in the order of their list, each once, after ours', async () => {
    const ran: string[] = [];
    const noting: MigrationList = Object.fromEntries(
      ['002_b', '001_z', '003_a'].map((name) => [
        name,
        async () => ({
          async up(params) {
            ran.push(params.name);
          },
        }),
      ]),
    );
    const fresh = join(temporaryFolder(), 'pylon.db');
    for (let i = 0; i < 2; i++) await (await PylonDb.open(fresh, { migrations: noting })).close();
    expect(ran).toEqual(['002_b', '001_z', '003_a']);
    expect(readOutside(fresh, 'select name from migrations order by id')).toEqual(
      [...Object.keys(migrations), '002_b', '001_z', '003_a'].map((name) => ({ name })),
    );
  });
});
