import { join } from 'node:path';
import { sql } from 'kysely';
import type pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { migrations } from '../../migrations/index.js';
import { connectTo } from '../../src/engine/postgres/open.js';
import type { PylonDb } from '../../src/index.js';
import type { MigrationList } from '../../src/migrate/migration.js';
import { PostgresMigrator } from '../../src/migrate/postgres-migrator.js';
import { failureOf } from '../engine/failure.js';
import { job } from '../engine/fresh.js';
import { Program } from '../faults/program.js';
import { describeOnServer, type OpenedDatabase, opened } from './own-server.js';
import { jsonOnServer, onServer } from './server-commands.js';

const program = new Program(join(import.meta.dirname, 'open-and-close.ts'));

const tip = (id: string) => ({ id, amount_msats: 7, source: 'tip' }) as const;

/** A job that was paid, one that waits, and a tip; closed. */
async function paidSchema({ url, db, outside }: OpenedDatabase) {
  await db.jobs.create(job('paid'));
  await db.jobs.completeWithPayment('paid', { price_msats: 1000 });
  await db.jobs.create(job('waits'));
  await db.earnings.record(tip('tip'));
  const objects = await objectsOf(outside);
  await db.close();
  return { url, outside, objects };
}

/** Our own objects and the published indexes, each with what it stands on. */
async function objectsOf(outside: pg.Client): Promise<string[]> {
  const { rows } = await outside.query<{ object: string }>(`
    select concat_ws(' ', c.relkind, c.relname, (
      select string_agg(distinct d.refobjid::regclass::text, ' ')
      from pg_depend d left join pg_rewrite r on r.oid = d.objid
      where d.refclassid = 'pg_class'::regclass and d.refobjid <> c.oid
        and (d.objid = c.oid or r.ev_class = c.oid))) as object
    from pg_class c
    where c.relnamespace = current_schema()::regnamespace
      and (c.relname like 'pylon\\_db\\_%' or c.relname like 'idx\\_%')
    order by 1`);
  return rows.map(({ object }) => object);
}

/** Whether the answers equal what the rows give. */
async function expectRightAnswers(db: PylonDb, outside: pg.Client): Promise<void> {
  const [sums] = (
    await outside.query(`select coalesce(sum(amount_msats), 0)::int8 as total,
      count(distinct job_id)::int8 as jobs from earnings`)
  ).rows;
  expect(await db.earnings.total()).toBe(Number(sums.total));
  expect((await db.earnings.summary()).job_count).toBe(Number(sums.jobs));
  const { rows } = await outside.query('select status, count(*) as count from jobs group by 1');
  const counts = Object.entries(await db.jobs.countByStatus()).filter(([, count]) => count > 0);
  expect(new Map(counts)).toEqual(
    new Map(rows.map(({ status, count }) => [status, Number(count)])),
  );
}

/** SQLite's own recipe for changing a table, as it is written on a server. */
const REBUILDS: readonly (readonly [string, readonly string[]])[] = [
  [
    'earnings rebuilt',
    [
      'create table new_earnings (like earnings including defaults including constraints)',
      'alter table new_earnings add primary key (id), add foreign key (job_id) references jobs (id)',
      'insert into new_earnings select * from earnings',
      'drop table earnings cascade',
      'alter table new_earnings rename to earnings',
    ],
  ],
  [
    'jobs rebuilt',
    [
      'create table new_jobs (like jobs including defaults including constraints)',
      'alter table new_jobs add primary key (id)',
      'insert into new_jobs select * from jobs',
      'drop table jobs cascade',
      'alter table new_jobs rename to jobs',
      'alter table earnings add foreign key (job_id) references jobs (id)',
    ],
  ],
  [
    'earnings copied and the old table kept',
    [
      'alter table earnings rename to old_earnings',
      'create table earnings (like old_earnings including defaults including constraints)',
      'alter table earnings add primary key (id), add foreign key (job_id) references jobs (id)',
      'insert into earnings select * from old_earnings',
      'drop index idx_earnings_job',
      'drop index idx_earnings_date',
    ],
  ],
  ['a view dropped', ['drop view pylon_db_job_totals']],
  ['an index dropped', ['drop index pylon_db_jobs_status_created']],
  ['a published index dropped', ['drop index idx_agents_state']],
  ['the locks of payments dropped', ['drop table pylon_db_locks']],
];

/** Runs `statements` as a migration, by the migrator alone: opening would repair as well. */
async function migrate(url: string, list: MigrationList): Promise<string[]> {
  const pool = await connectTo({
    url,
    readonly: false,
    busyTimeoutMs: 5000,
    onQuery: undefined,
    operation: 'test',
  });
  onTestFinished(() => pool.end());
  const all = { ...migrations, ...list };
  return await new PostgresMigrator({ pool, address: 'test', list: all, operation: 'test' }).up();
}

const migrationOf = (statements: readonly string[]): MigrationList => ({
  '002_of_a_service': async () => ({
    up: async ({ context }) => {
      for (const statement of statements) await sql.raw(statement).execute(context);
    },
  }),
});

describeOnServer('our objects on a server', (own) => {
  describe.each(REBUILDS)('with %s', (_, statements) => {
    it('by a migration are made again before its COMMIT', async () => {
      const { url, outside, objects } = await paidSchema(await own.open());
      await migrate(url, migrationOf(statements));
      expect(await objectsOf(outside)).toEqual(objects);
      const db = await opened(url, { migrate: true });
      await db.earnings.record(tip('after'));
      await expectRightAnswers(db, outside);
    });

    it('by another program are made again at open', async () => {
      const { url, outside, objects } = await paidSchema(await own.open());
      await outside.query(`begin; ${statements.join('; ')}; commit`);
      const db = await opened(url);
      expect(await objectsOf(outside)).toEqual(objects);
      await db.earnings.record(tip('after'));
      await db.jobs.complete('waits', { price_msats: 1 });
      await expectRightAnswers(db, outside);
    });
  });

  it('are made again once when several processes open at the same time', async () => {
    const { url, outside, objects } = await paidSchema(await own.open());
    await outside.query('drop view pylon_db_earning_totals; drop index idx_jobs_status');
    const programs = [1, 2, 3].map(() => program.run([url]));
    for (const ended of await Promise.all(programs)) {
      expect(ended).toMatchObject({ exitCode: 0, stderr: '' });
    }
    expect(await objectsOf(outside)).toEqual(objects);
    await expectRightAnswers(await opened(url), outside);
  });

  it('are left as they are by readonly and by migrate: false, whose calls say what to do', async () => {
    const { url, outside } = await paidSchema(await own.open());
    await outside.query('drop view pylon_db_earning_totals');
    const before = await objectsOf(outside);
    for (const options of [{ readonly: true }, { migrate: false }]) {
      const db = await opened(url, options);
      const { problems, hint } = await failureOf(db.earnings.total(), 'SCHEMA_MISMATCH');
      expect(problems.join()).toContain('pylon_db_earning_totals');
      expect(hint).toContain('pylon-db check --repair');
      expect(await db.jobs.get('paid')).toMatchObject({ status: 'completed' });
    }
    expect(await objectsOf(outside)).toEqual(before);
  });

  it('are left to others by a role that may not create, which opens all the same', async () => {
    const { url, outside } = await paidSchema(await own.open());
    await outside.query(`drop role if exists serves; create role serves login;
      do $$ begin execute format('grant usage on schema %I to serves', current_schema());
        execute format('grant select, insert, update, delete on all tables in schema %I to serves',
          current_schema()); end $$;
      drop view pylon_db_earning_totals; drop index idx_jobs_status`);
    const before = await objectsOf(outside);
    const db = await opened(url.replace('//postgres@', '//serves@'));
    await db.jobs.create(job('new'));
    await failureOf(db.earnings.total(), 'SCHEMA_MISMATCH');
    expect(await objectsOf(outside)).toEqual(before);
  });

  it('are made again as far as the role may: views, where the tables are not its own', async () => {
    const { url, outside, objects } = await paidSchema(await own.open());
    await outside.query(`drop role if exists makes; create role makes login;
      do $$ begin execute format('grant usage, create on schema %I to makes', current_schema());
        execute format('grant all on all tables in schema %I to makes', current_schema()); end $$;
      drop view pylon_db_earning_totals; drop index idx_jobs_status`);
    const db = await opened(url.replace('//postgres@', '//makes@'));
    await expectRightAnswers(db, outside);
    const lost = objects.filter((name) => !name.includes('idx_jobs_status'));
    expect(await objectsOf(outside)).toEqual(lost);
    await db.close();
    await outside.query('drop owned by makes');
  });

  it('of a newer pylon-db are left as they are', async () => {
    const { url, outside } = await paidSchema(await own.open());
    await outside.query(`drop view pylon_db_earning_totals;
      insert into migrations (name) values ('999_pylon_db_future')`);
    const before = await objectsOf(outside);
    const { hint } = await failureOf(opened(url), 'SCHEMA_MISMATCH');
    expect(hint).toContain('newer pylon-db');
    expect(await onServer(url, 'check', '--repair')).toMatchObject({ exitCode: 1, stdout: '' });
    expect(await objectsOf(outside)).toEqual(before);
  });

  it('whose migration is reverted stay away', async () => {
    const { url, outside } = await paidSchema(await own.open());
    const names = Object.keys(migrations);
    const steps = names.length - names.indexOf('003_pylon_db_rollups');
    await onServer(url, 'migrate', 'down', '--steps', `${steps}`);
    expect((await objectsOf(outside)).filter((name) => name.startsWith('v '))).toEqual([]);
  });

  it('that can not be made again roll the migration back, which is named', async () => {
    const { url, outside, objects } = await paidSchema(await own.open());
    const blocked = migrationOf([
      'drop index pylon_db_jobs_status_created',
      'create table theirs (a int constraint pylon_db_jobs_status_created unique)',
    ]);
    const error = await failureOf(migrate(url, blocked), 'MIGRATION_FAILED');
    expect(error.migration).toBe('002_of_a_service');
    expect(error.message).toContain("pylon_db_jobs_status_created can't be made again");
    expect(await objectsOf(outside)).toEqual(objects);
  });
});

interface Checked {
  readonly ok: boolean;
  readonly findings: readonly { check: string; rows: string[]; repairable: boolean }[];
  readonly repaired: readonly string[];
}

describeOnServer('check --repair on a server', (own) => {
  it('makes what is missing or redefined again, and says so', async () => {
    const { url, outside, objects } = await paidSchema(await own.open());
    await outside.query(`drop view pylon_db_earning_totals; drop index idx_jobs_status;
      create or replace view pylon_db_paid_jobs as select 1::bigint as id, 0::bigint as count;
      drop index pylon_db_earnings_payment;
      create index pylon_db_earnings_payment on earnings (preimage)`);
    const found = (await jsonOnServer(url, ['check'], 3)) as Checked;
    expect(found.findings).toMatchObject([{ check: 'schema', repairable: true }]);
    expect(found.findings[0]?.rows).toHaveLength(4);
    const checked = (await jsonOnServer(url, ['check', '--repair'])) as Checked;
    expect(checked).toMatchObject({ ok: true, findings: [] });
    expect([...checked.repaired].sort()).toEqual([
      'schema: idx_jobs_status made again',
      'schema: pylon_db_earning_totals made again',
      'schema: pylon_db_earnings_payment made again',
      'schema: pylon_db_paid_jobs made again',
    ]);
    expect(await objectsOf(outside)).toEqual(objects);
    await expectRightAnswers(await opened(url, { migrate: false }), outside);
  });

  it('repairs nothing where nothing is wrong', async () => {
    const { url } = await paidSchema(await own.open());
    expect(await jsonOnServer(url, ['check', '--repair'])).toMatchObject({
      ok: true,
      repaired: [],
    });
  });

  it('leaves a published index in other words as it is, and reports it', async () => {
    const { url, outside } = await paidSchema(await own.open());
    await outside.query(`drop index idx_jobs_status;
      create index idx_jobs_status on jobs (status, kind); drop view pylon_db_paid_jobs`);
    const checked = (await jsonOnServer(url, ['check', '--repair'], 3)) as Checked;
    expect(checked.repaired).toEqual(['schema: pylon_db_paid_jobs made again']);
    expect(checked.findings).toMatchObject([
      { check: 'schema', rows: ['index idx_jobs_status is redefined'], repairable: false },
    ]);
  });

  it('changes nothing where a published table is gone, and reports that', async () => {
    const { url, outside } = await paidSchema(await own.open());
    await outside.query('drop table tick_history; drop view pylon_db_paid_jobs');
    const before = await objectsOf(outside);
    const { findings, repaired } = (await jsonOnServer(url, ['check', '--repair'], 3)) as Checked;
    expect(repaired).toEqual([]);
    expect(findings[0]?.rows).toEqual(
      expect.arrayContaining([
        'table tick_history is missing',
        'view pylon_db_paid_jobs is missing',
      ]),
    );
    expect(await objectsOf(outside)).toEqual(before);
  });

  it('says what it could not make again, and why, and changes nothing', async () => {
    const { url, outside } = await paidSchema(await own.open());
    await outside.query(`drop role if exists looks; create role looks login;
      do $$ begin execute format('grant usage on schema %I to looks', current_schema());
        execute format('grant all on all tables in schema %I to looks', current_schema()); end $$;
      drop view pylon_db_paid_jobs`);
    const before = await objectsOf(outside);
    const role = url.replace('//postgres@', '//looks@');
    const { exitCode, stderr } = await onServer(role, 'check', '--repair');
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /pylon_db_paid_jobs can't be made again: the role looks lacks CREATE on SCHEMA/,
    );
    expect(await objectsOf(outside)).toEqual(before);
  });
});
