import Database from 'better-sqlite3';
import { sql } from 'kysely';
import { describe, expect, it, onTestFinished } from 'vitest';
import { migrations } from '../../migrations/index.js';
import { type MigrationList, PylonDb } from '../../src/index.js';
import { Migrator } from '../../src/migrate/migrator.js';
import { repairSchema } from '../../src/migrate/own-schema-repair.js';
import { failureOf } from '../engine/failure.js';
import { stored, type TestFile, testFile, writeByAnother } from '../file.js';
import {
  expectKeptTotals,
  expectRightAnswers,
  objectNames,
  publishedIndexes,
  rebuildByAnother,
  rebuildRecipe,
  until,
} from './rebuilds.js';

/** A file with a paid job and a tip. */
async function paidFile(): Promise<TestFile> {
  const file = await testFile();
  await file.db.jobs.create({ id: 'paid', kind: 1, customer_pubkey: 'c' });
  await file.db.jobs.completeWithPayment('paid', { price_msats: 1000 });
  await file.db.earnings.record({ id: 'tip', amount_msats: 50, source: 'tip' });
  return file;
}

const tip = (id: string) => ({ id, amount_msats: 7, source: 'tip' }) as const;

/** What other programs do to a file whose objects they don't know. */
const CHANGES: readonly [string, (path: string) => void][] = [
  ['a rebuild of earnings', (path) => rebuildByAnother(path, 'earnings')],
  ['a rebuild of jobs', (path) => rebuildByAnother(path, 'jobs')],
  [
    'a dropped trigger',
    (path) => writeByAnother(path, 'drop trigger pylon_db_earnings_after_insert'),
  ],
  ['a dropped index', (path) => writeByAnother(path, 'drop index pylon_db_jobs_status_created')],
  ['a dropped table of totals', (path) => writeByAnother(path, 'drop table pylon_db_job_totals')],
  [
    'a dropped table of earnings by the hour',
    (path) => writeByAnother(path, 'drop table pylon_db_earning_hours'),
  ],
  ['a dropped view of totals', (path) => writeByAnother(path, 'drop view pylon_db_earning_totals')],
  [
    'a trigger of ours that was redefined',
    (path) =>
      writeByAnother(
        path,
        `drop trigger pylon_db_jobs_after_insert;
         create trigger pylon_db_jobs_after_insert after insert on jobs begin select 1; end`,
      ),
  ],
  [
    'a view in the place of a table of ours',
    (path) =>
      writeByAnother(
        path,
        `drop table pylon_db_job_totals;
         create view pylon_db_job_totals as select 'pending' as status, 99 as count`,
      ),
  ],
  [
    'a table in the place of a view of ours',
    (path) =>
      writeByAnother(
        path,
        `drop view pylon_db_paid_jobs;
         create table pylon_db_paid_jobs as select 1 as id, 99 as count`,
      ),
  ],
  [
    'a table that was renamed with our triggers on it, and made again',
    (path) =>
      writeByAnother(
        path,
        `alter table earnings rename to earnings_of_old;
         create table earnings as select * from earnings_of_old where false;
         drop table earnings;
         ${rebuildRecipe(path, 'earnings')[0]?.replace('new_earnings', 'earnings')};
         insert into earnings select * from earnings_of_old`,
      ),
  ],
];

describe.each(CHANGES)('after %s,', (_, change) => {
  it('opening the file makes our objects again and counts the totals', async () => {
    const { path, db, open } = await paidFile();
    const names = objectNames(path);
    await db.close();
    change(path);
    const again = await open();
    expect(objectNames(path)).toEqual(expect.arrayContaining(names));
    await again.earnings.record(tip('after'));
    await again.jobs.create({ id: 'after', kind: 1, customer_pubkey: 'c' });
    expectKeptTotals(path);
    await expectRightAnswers(path, again);
  });

  it('an open process counts the rows at once, and the file is repaired', async () => {
    const { path, db } = await paidFile();
    const names = objectNames(path);
    change(path);
    await expectRightAnswers(path, db);
    await until(() => names.every((name) => objectNames(path).includes(name)));
    await db.earnings.record(tip('after'));
    await expectRightAnswers(path, db);
    expectKeptTotals(path);
  });

  it('a readonly process counts the rows, and leaves the file as it is', async () => {
    const { path, db, open } = await paidFile();
    await db.close();
    change(path);
    const names = objectNames(path);
    const reader = await open({ readonly: true });
    const unmigrated = await open({ migrate: false });
    await expectRightAnswers(path, reader);
    await expectRightAnswers(path, unmigrated);
    await unmigrated.transaction((tx) => expectRightAnswers(path, tx));
    expect(objectNames(path)).toEqual(names);
  });
});

it('a published index that went along with its table is made again', async () => {
  const { path, db, open } = await paidFile();
  const names = publishedIndexes(path);
  writeByAnother(path, 'drop index idx_earnings_date; drop index idx_jobs_status');
  await expectRightAnswers(path, db);
  await until(() => publishedIndexes(path).length === names.length);
  writeByAnother(path, 'drop index idx_earnings_date');
  await db.close();
  await open();
  expect(publishedIndexes(path)).toEqual(names);
});

it('a published index in words of another implementation is left as it is', async () => {
  const { path, db, open } = await paidFile();
  await db.close();
  const sql = 'CREATE INDEX idx_earnings_date ON earnings(earned_at DESC)';
  writeByAnother(path, `drop index idx_earnings_date; ${sql}`);
  await open();
  expect(stored(path, "select sql from sqlite_master where name = 'idx_earnings_date'")).toEqual([
    { sql },
  ]);
});

it('a stash of replaced rows that stayed behind is not subtracted after a repair', async () => {
  const { path, db } = await paidFile();
  // Ignored, it leaves what it would have replaced in the stash.
  const again =
    "insert or ignore into earnings (id, amount_msats, source) values ('tip', 50, 'tip')";
  writeByAnother(path, again);
  writeByAnother(
    path,
    "drop trigger pylon_db_earnings_after_delete; delete from earnings where id = 'tip'",
  );
  await expectRightAnswers(path, db);
  await until(() => objectNames(path).some((name) => name.includes('earnings_after_delete')));
  await db.earnings.record(tip('tip'));
  expectKeptTotals(path);
  await expectRightAnswers(path, db);
});

it('totals inside a transaction are right after its own change of the schema', async () => {
  const { path, db } = await paidFile();
  const statements = rebuildRecipe(path, 'earnings');
  await db.transaction(async (tx) => {
    for (const statement of statements) await sql.raw(statement).execute(tx.kysely);
    await tx.earnings.record(tip('inside'));
    expect(await tx.earnings.total()).toBe(1057);
  });
  await expectRightAnswers(path, db);
});

it('a rolled back change of the schema leaves totals right, whatever others change next', async () => {
  const { path, db } = await paidFile();
  const undone = db.transaction(async (tx) => {
    await sql`create table mine (a)`.execute(tx.kysely);
    await tx.earnings.total();
    throw new Error('undone');
  });
  await expect(undone).rejects.toThrow('undone');
  // The next change of the schema gets the number of the one that was undone.
  rebuildByAnother(path, 'earnings');
  writeByAnother(path, "insert into earnings (id, amount_msats, source) values ('x', 3, 'tip')");
  await db.transaction((tx) => expectRightAnswers(path, tx));
  await expectRightAnswers(path, db);
});

it('ad-hoc queries of the totals are right as well', async () => {
  const { path, db } = await paidFile();
  writeByAnother(path, 'drop view pylon_db_paid_jobs');
  const paid = db.kysely.selectFrom('pylon_db_paid_jobs').select('count');
  expect(await paid.execute()).toEqual([{ count: 1 }]);
});

it('a database in memory is repaired in place', async () => {
  const db = await PylonDb.openInMemory();
  onTestFinished(() => db.close());
  await db.earnings.record(tip('a'));
  await db.transaction(async (tx) => {
    const {
      rows: [made],
    } = await sql<{ sql: string }>`select sql from sqlite_master where name = 'earnings'`.execute(
      tx.kysely,
    );
    await sql.raw(made?.sql.replace('earnings', 'new_earnings') ?? '').execute(tx.kysely);
    await sql`insert into new_earnings select * from earnings`.execute(tx.kysely);
    await sql`drop table earnings`.execute(tx.kysely);
    await sql`alter table new_earnings rename to earnings`.execute(tx.kysely);
  });
  await db.earnings.record(tip('b'));
  expect(await db.earnings.total()).toBe(14);
  const rows = db.kysely
    .selectFrom('pylon_db_earning_totals')
    .selectAll()
    .where('source', '=', 'tip');
  expect(await rows.execute()).toMatchObject([{ amount_low: 14, count: 2 }]);
});

describe('before the COMMIT of a migration,', () => {
  const migration = (
    up: (run: (sql: string) => Promise<unknown>) => Promise<void>,
  ): MigrationList => ({
    '002_of_a_service': async () => ({
      rebuildsTables: true,
      up: ({ context }) => up((statement) => sql.raw(statement).execute(context)),
    }),
  });

  it.each([
    ['rebuilt', (path: string) => rebuildRecipe(path, 'earnings')],
    ['rebuilt without its indexes', (path: string) => rebuildRecipe(path, 'jobs').slice(0, 4)],
    ['without a trigger', () => ['drop trigger pylon_db_jobs_after_insert']],
    ['without an index', () => ['drop index pylon_db_ticks_agent_number']],
    ['without a table of totals', () => ['drop table pylon_db_job_totals']],
  ])('a schema %s gets our objects again, and right totals', async (_, statements) => {
    const { path, db } = await paidFile();
    const names = [...objectNames(path), ...publishedIndexes(path)];
    await db.close();
    const list = migration(async (run) => {
      for (const statement of statements(path)) await run(statement);
      await run("insert into earnings (id, amount_msats, source) values ('m', 9, 'tip')");
    });
    // Not by opening the file, which would repair it as well.
    const file = new Database(path);
    onTestFinished(() => {
      file.close();
    });
    const props = { path, busyTimeoutMs: 0, operation: 'test' };
    await new Migrator({ db: file, list: { ...migrations, ...list }, ...props }).up();
    expect([...objectNames(path), ...publishedIndexes(path)]).toEqual(names);
    expectKeptTotals(path);
  });
});

describe('a file that a newer pylon-db migrated while it was open', () => {
  /** What a later version may do: other triggers under the same and other names, another ledger row. */
  const NEWER = `begin;
    drop trigger pylon_db_earnings_after_insert;
    create table pylon_db_later_hours (hour integer primary key, amount integer);
    create trigger pylon_db_earnings_hours after insert on earnings begin
      insert into pylon_db_later_hours values (new.earned_at / 3600, new.amount_msats)
      on conflict (hour) do update set amount = amount + excluded.amount;
    end;
    insert into migrations (name, applied_at) values ('006_pylon_db_later_hours', 1800000000);
    commit`;

  it('is left as it is, and every later call says to restart', async () => {
    const { path, db } = await paidFile();
    writeByAnother(path, NEWER);
    const names = objectNames(path);
    const error = await failureOf(db.earnings.total(), 'SCHEMA_MISMATCH');
    expect(error.message).toContain('006_pylon_db_later_hours');
    expect(error.hint).toContain('Restart');
    await failureOf(db.jobs.get('paid'), 'SCHEMA_MISMATCH');
    await failureOf(db.earnings.record(tip('late')), 'SCHEMA_MISMATCH');
    await failureOf(
      db.transaction(async () => {}),
      'SCHEMA_MISMATCH',
    );
    await db.close();
    expect(objectNames(path)).toEqual(names);
    expect(stored(path, "select id from earnings where id = 'late'")).toEqual([]);
  });

  it('is noticed by a transaction before it stores anything', async () => {
    const { path, db } = await paidFile();
    writeByAnother(path, NEWER);
    const late = db.transaction((tx) => tx.earnings.record(tip('late')));
    await failureOf(late, 'SCHEMA_MISMATCH');
    expect(stored(path, "select id from earnings where id = 'late'")).toEqual([]);
  });

  it('is not repaired by a repair that was asked for before', async () => {
    const { path, db } = await paidFile();
    await db.close();
    writeByAnother(path, NEWER);
    const names = objectNames(path);
    const known = Object.keys(migrations);
    await failureOf(repairSchema({ path, known, busyTimeoutMs: 1000 }), 'SCHEMA_MISMATCH');
    expect(objectNames(path)).toEqual(names);
  });

  it('is judged by the older version by its own list of migrations', async () => {
    const { path, db } = await paidFile();
    await db.close();
    writeByAnother(path, 'drop trigger pylon_db_earnings_after_insert');
    // A build from before the rollups: the ledger names one that it doesn't know.
    const known = Object.keys(migrations).filter((name) => name < '003');
    await failureOf(repairSchema({ path, known, busyTimeoutMs: 1000 }), 'SCHEMA_MISMATCH');
    expect(objectNames(path).join()).not.toContain('earnings_after_insert');
  });
});
