import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { OWN_SERVER_OBJECTS } from '../../generated/own-objects.js';
import { migrations } from '../../migrations/index.js';
import { temporaryFolder } from '../temporary.js';
import { connected, describeOnServer } from './own-server.js';
import { jsonOnServer, onServer } from './server-commands.js';

const NAMES = Object.keys(migrations);

/** A module that lists one migration of a service's own. */
function serviceMigrations(up: string): string {
  const folder = temporaryFolder();
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'index.mjs');
  writeFileSync(
    file,
    `export const migrations = { '002_add_priority': async () => ({
      async up({ context: db }) { ${up} },
    }) };`,
  );
  return file;
}

const ADDS_PRIORITY = `await db.schema.alterTable('jobs')
  .addColumn('priority', 'integer', (col) => col.notNull().defaultTo(0)).execute();`;

describeOnServer('migrate on a server', (own) => {
  it('status of an empty schema lists all as pending and exits 3', async () => {
    const url = await own.freshSchema();
    const { exitCode, stdout, stderr } = await onServer(url, 'migrate', 'status');
    expect([exitCode, stderr]).toEqual([
      3,
      `${NAMES.length} pending. Run \`pylon-db migrate up\`.\n`,
    ]);
    for (const name of NAMES)
      expect(stdout).toMatch(new RegExp(`^${name} +pending +pylon-db$`, 'm'));
  });

  it('up applies what is pending, and once only', async () => {
    const url = await own.freshSchema();
    expect(await jsonOnServer(url, ['migrate', 'up'])).toEqual(NAMES);
    const again = await onServer(url, 'migrate', 'up');
    expect(again).toEqual({ exitCode: 0, stdout: '', stderr: 'Nothing to apply.\n' });
    const { rows } = await (await connected(url)).query('select name from migrations order by id');
    expect(rows.map(({ name }) => name)).toEqual(NAMES);
  });

  it('up --to stops there, and refuses a name that is not a migration', async () => {
    const url = await own.freshSchema();
    const first = '001_initial_schema';
    expect(await jsonOnServer(url, ['migrate', 'up', '--to', first])).toEqual([first]);
    expect(await onServer(url, 'migrate', 'up', '--to', 'nope')).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringContaining("there is no migration 'nope'"),
    });
  });

  it('down reverts the newest, and refuses what has no down', async () => {
    const url = await own.freshSchema();
    await onServer(url, 'migrate', 'up');
    expect(
      await jsonOnServer(url, ['migrate', 'down', '--steps', String(NAMES.length - 1)]),
    ).toEqual(NAMES.slice(1).toReversed());
    const { exitCode, stderr } = await onServer(url, 'migrate', 'down');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('migration 001_initial_schema has no down()');
    const { rows } = await (await connected(url)).query('select name from migrations');
    expect(rows).toEqual([{ name: '001_initial_schema' }]);
  });

  it('plan shows the SQL of what is pending and changes nothing', async () => {
    const url = await own.freshSchema();
    const { exitCode, stdout } = await onServer(url, 'migrate', 'plan');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^-- 001_initial_schema\ncreate table /);
    expect(stdout).toContain('create view pylon_db_job_totals');
    const { rows } = await (await connected(url)).query(
      'select 1 from pg_class where relnamespace = current_schema()::regnamespace',
    );
    expect(rows).toEqual([]);
  });

  it("runs a service's own migrations, whose objects verify knows", async () => {
    const url = await own.freshSchema();
    const file = serviceMigrations(ADDS_PRIORITY);
    await onServer(url, 'migrate', 'up', '--migrations', file);
    const { stdout } = await onServer(url, 'migrate', 'status', '--migrations', file);
    expect(stdout).toMatch(/^002_add_priority +20\d\d-.* +this service$/m);
    const client = await connected(url);
    await client.query('alter table jobs alter column priority drop default');
    expect(await jsonOnServer(url, ['migrate', 'verify', '--migrations', file], 3)).toMatchObject({
      drift: [{ name: 'jobs', problem: 'lacks «priority integer not null default 0»' }],
    });
  });

  it('a migration that fails leaves nothing behind and is reported with its statement', async () => {
    const url = await own.freshSchema();
    const file = serviceMigrations(
      `${ADDS_PRIORITY} await db.schema.dropTable('no_such_table').execute();`,
    );
    const { exitCode, stdout, stderr } = await onServer(
      url,
      ...['migrate', 'up', '--migrations', file],
    );
    expect(exitCode).toBe(1);
    expect(stdout).toBe(`${NAMES.map((name) => `applied ${name}`).join('\n')}\n`);
    expect(stderr).toContain('migration 002_add_priority failed at «drop table "no_such_table"»');
    const { rows } = await (await connected(url)).query(
      `select 1 from information_schema.columns
       where table_schema = current_schema() and column_name = 'priority'`,
    );
    expect(rows).toEqual([]);
  });
});

describeOnServer('migrate verify on a server', (own) => {
  let url: string;
  beforeAll(async () => {
    url = await own.freshSchema();
    await onServer(url, 'migrate', 'up');
  });

  /** Verifies the schema with a change in it, which is undone afterwards. */
  async function verifyAfter(change: string, undo: string, exitCode = 3): Promise<unknown> {
    const client = await connected(url);
    await client.query(change);
    try {
      return await jsonOnServer(url, ['migrate', 'verify'], exitCode);
    } finally {
      await client.query(undo);
    }
  }

  it('finds no drift in what was migrated, and leaves no schema behind', async () => {
    const outcome = await onServer(url, 'migrate', 'verify');
    expect(outcome).toEqual({
      exitCode: 0,
      stdout: `no drift (${NAMES.length} applied)\n`,
      stderr: '',
    });
    const { rows } = await (await connected(url)).query(
      "select 1 from pg_namespace where nspname = 'pylon_db_scratch'",
    );
    expect(rows).toEqual([]);
  });

  it("takes other programs' tables, columns, indexes and views for no drift", async () => {
    expect(
      await verifyAfter(
        `create table theirs (id int primary key, job text references jobs);
         create view their_view as select 1 as one; create index their_index on jobs (kind);
         alter table jobs add column theirs int not null default 1 check (theirs > 0)`,
        `drop view their_view; drop table theirs; drop index their_index;
         alter table jobs drop column theirs`,
        0,
      ),
    ).toMatchObject({ drift: [] });
  });

  it.each([
    [
      'a dropped index',
      'drop index idx_jobs_status',
      'create index idx_jobs_status on jobs (status)',
      'idx_jobs_status',
      'is missing',
    ],
    [
      'a redefined index',
      'drop index idx_jobs_status; create index idx_jobs_status on jobs (status, kind)',
      'drop index idx_jobs_status; create index idx_jobs_status on jobs (status)',
      'idx_jobs_status',
      'is redefined',
    ],
    [
      'a redefined view',
      'create or replace view pylon_db_paid_jobs as select 1::bigint as id, 0::bigint as count',
      OWN_SERVER_OBJECTS.find(({ name }) => name === 'pylon_db_paid_jobs')?.sql ?? '',
      'pylon_db_paid_jobs',
      'is redefined',
    ],
    [
      'a trigger that is switched off',
      'alter table earnings disable trigger pylon_db_earnings_insert',
      'alter table earnings enable trigger pylon_db_earnings_insert',
      'pylon_db_earnings_insert',
      'is redefined',
    ],
    [
      'a lost default',
      'alter table jobs alter column price_msats drop default',
      'alter table jobs alter column price_msats set default 0',
      'jobs',
      'lacks «price_msats bigint not null default 0»',
    ],
    [
      'a lost NOT NULL',
      'alter table agents alter column name drop not null',
      'alter table agents alter column name set not null',
      'agents',
      'lacks «name text not null»',
    ],
    [
      'another collation',
      'alter table agents alter column name type text collate "C"',
      'alter table agents alter column name type text collate "default"',
      'agents',
      'lacks «name text not null»',
    ],
    [
      'a dropped constraint',
      'alter table earnings drop constraint earnings_job_id_fkey',
      'alter table earnings add constraint earnings_job_id_fkey foreign key (job_id) references jobs (id)',
      'earnings',
      'lacks «constraint earnings_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs(id)»',
    ],
    [
      'a constraint on our columns',
      'alter table jobs add constraint dear check (price_msats > 10)',
      'alter table jobs drop constraint dear',
      'jobs',
      'has «constraint dear CHECK (price_msats > 10)»',
    ],
    [
      'an object with our prefix',
      'create view pylon_db_mine as select 1 as one',
      'drop view pylon_db_mine',
      'pylon_db_mine',
      'belongs to no applied migration',
    ],
  ])('reports %s', async (_, change, undo, name, problem) => {
    expect(await verifyAfter(change, undo)).toMatchObject({ drift: [{ name, problem }] });
  });

  it('shows the SQL of what drifted for people', async () => {
    const client = await connected(url);
    await client.query('drop index idx_jobs_status');
    const { exitCode, stdout, stderr } = await onServer(url, 'migrate', 'verify');
    await client.query('create index idx_jobs_status on jobs (status)');
    expect(exitCode).toBe(3);
    expect(stdout).toBe(
      'index idx_jobs_status is missing\n' +
        '  migrated: CREATE INDEX idx_jobs_status ON jobs USING btree (status)\n',
    );
    expect(stderr).toContain('Recreate what drifted');
  });

  it('reports a published column that is gone as drift', async () => {
    const answer = await verifyAfter(
      'alter table jobs rename column error_message to message',
      'alter table jobs rename column message to error_message',
    );
    expect(answer).toMatchObject({
      drift: [{ name: 'jobs', problem: 'lacks «error_message text»' }],
    });
  });

  it("refuses a newer pylon-db's schema", async () => {
    const client = await connected(url);
    await client.query("insert into migrations (name) values ('999_pylon_db_future')");
    const { exitCode, stdout, stderr } = await onServer(url, 'migrate', 'verify');
    await client.query("delete from migrations where name = '999_pylon_db_future'");
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toContain('999_pylon_db_future is applied, but unknown here');
  });

  it('says what a role that may create no schema lacks', async () => {
    const client = await connected(url);
    await client.query('create role looker login; grant usage on schema public to looker');
    const schema = /search_path%3D(\w+)/.exec(url)?.[1];
    await client.query(
      `grant usage on schema ${schema} to looker; grant select on all tables in schema ${schema} to looker`,
    );
    const { exitCode, stdout, stderr } = await onServer(
      url.replace('postgres@', 'looker@'),
      'migrate',
      'verify',
    );
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toBe(
      'pylon-db: the role may create no schema to compare with. Verify on the primary, as a role ' +
        'with CREATE on the database: the schema is rolled back.\n',
    );
  });
});
