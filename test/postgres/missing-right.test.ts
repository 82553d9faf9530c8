import { sql } from 'kysely';
import type pg from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import type { Migration, OpenOptions, PylonDb } from '../../src/index.js';
import { rejection } from '../engine/failure.js';
import { agent, job } from '../engine/fresh.js';
import { describeOnServer, type OwnServer, opened } from './own-server.js';
import { onServer } from './server-commands.js';

interface Role {
  /** As SQL writes it. */
  readonly name: string;
  /** The URL of its connections. */
  readonly url: string;
  readonly schema: string;
  readonly outside: pg.Client;
}

let roles = 0;

/** A schema with an agent and a job, and a role that has `rights` on its tables only. */
async function asRole(own: OwnServer, rights: string, options = ''): Promise<Role> {
  const { url, outside, db } = await own.open();
  await db.agents.upsert(agent('a'));
  await db.jobs.create(job('j'));
  const [{ schema }] = (await outside.query('select current_schema() as schema')).rows;
  const name = `clerk_${++roles}`;
  await outside.query(`create role ${name} login ${options};
    grant usage on schema ${schema} to ${name};
    grant ${rights} on all tables in schema ${schema} to ${name}`);
  onTestFinished(
    async () => void (await outside.query(`drop owned by ${name}; drop role ${name}`)),
  );
  return { name, url: url.replace('postgres@', `${name}@`), schema, outside };
}

const lacks = (code: string, name: string, rights: string, object: string) => ({
  code,
  message: expect.stringContaining(
    `the role ${name} lacks ${rights} on ${object}: ` +
      `GRANT ${rights.replaceAll(' and ', ', ')} ON ${object} TO ${name}`,
  ),
});

describeOnServer('a right that the role lacks is named', (own) => {
  it.each<[string, string, (db: PylonDb) => Promise<unknown>]>([
    ['INSERT', 'jobs', (db) => db.jobs.create(job('k'))],
    ['UPDATE', 'jobs', (db) => db.jobs.fail('j', 'why')],
    ['INSERT', 'earnings', (db) => db.earnings.record({ id: 'e', amount_msats: 1, source: 'tip' })],
    ['UPDATE', 'agents', (db) => db.agents.adjustBalance('a', 1)],
    ['INSERT', 'jobs', (db) => db.transaction((tx) => tx.jobs.create(job('k')))],
    ['UPDATE', 'jobs', (db) => db.kysely.updateTable('jobs').set({ kind: 1 }).execute()],
    ['DELETE', 'jobs', (db) => db.transaction((tx) => tx.kysely.deleteFrom('jobs').execute())],
    ['TRUNCATE', 'tick_history', (db) => sql`truncate tick_history`.execute(db.kysely)],
  ])('to %s on %s, of a role that may read', async (right, table, write) => {
    const { name, url } = await asRole(own, 'select');
    const db = await opened(url);
    expect(await rejection(write(db))).toMatchObject(lacks('READ_ONLY', name, right, table));
    expect(await db.jobs.get('j')).toMatchObject({ status: 'pending' });
  });

  it('of the calls of a batch to the one that needs it', async () => {
    const { name, url, schema, outside } = await asRole(own, 'select');
    await outside.query(`grant insert on ${schema}.jobs to ${name}`);
    const db = await opened(url);
    const created = db.jobs.create(job('k'));
    const refused = rejection(db.agents.upsert(agent('b')));
    expect(await refused).toMatchObject(lacks('READ_ONLY', name, 'INSERT and UPDATE', 'agents'));
    expect(await created).toMatchObject({ id: 'k' });
  });

  it.each<[string, (db: PylonDb) => Promise<unknown>]>([
    ['a service', (db) => db.jobs.get('j')],
    ['a transaction', (db) => db.transaction((tx) => tx.jobs.get('j'))],
    ['ad-hoc SQL', (db) => db.kysely.selectFrom('jobs').select('id').execute()],
  ])('to SELECT, by a read of %s', async (_, read) => {
    const { name, url, schema, outside } = await asRole(own, 'select');
    const db = await opened(url);
    await outside.query(`revoke select on ${schema}.jobs from ${name}`);
    expect(await rejection(read(db))).toMatchObject(lacks('CANNOT_OPEN', name, 'SELECT', 'jobs'));
  });

  it('with all that one statement needs', async () => {
    const { name, url, schema, outside } = await asRole(own, 'select');
    const db = await opened(url);
    await outside.query(`revoke select on ${schema}.jobs from ${name}`);
    const write = db.kysely.deleteFrom('jobs').where('id', '=', 'j').execute();
    expect(await rejection(write)).toMatchObject(
      lacks('READ_ONLY', name, 'DELETE and SELECT', 'jobs'),
    );
  });

  it('by a name that SQL takes', async () => {
    const { url, schema, outside } = await asRole(own, 'select');
    await outside.query(`create table ${schema}."Odd Table" (id int); create role "Odd Role" login;
      grant usage on schema ${schema} to "Odd Role";
      grant select on ${schema}.migrations to "Odd Role"`);
    onTestFinished(
      async () => void (await outside.query('drop owned by "Odd Role"; drop role "Odd Role"')),
    );
    const db = await opened(url.replace(/clerk_\d+@/, 'Odd%20Role@'));
    const { message } = (await rejection(
      sql`insert into "Odd Table" values (1)`.execute(db.kysely),
    )) as Error;
    expect(message).toContain('GRANT INSERT ON "Odd Table" TO "Odd Role"');
  });

  const ofService = (up: Migration['up']): OpenOptions => ({
    migrations: { own: async () => ({ up }) },
  });

  it('to make tables, before a migration', async () => {
    const { name, url, schema } = await asRole(own, 'select');
    const options = ofService(({ context: db }) => db.schema.dropTable('mine').execute());
    const error = await rejection(opened(url, options));
    expect(error).toMatchObject(lacks('READ_ONLY', name, 'CREATE', `SCHEMA ${schema}`));
  });

  it("as its owner's alone, where no GRANT gives it, by a migration", async () => {
    const { name, url, schema, outside } = await asRole(own, 'all');
    await outside.query(`grant create on schema ${schema} to ${name}`);
    const options = ofService(({ context: db }) =>
      db.schema.alterTable('jobs').dropColumn('kind').execute(),
    );
    const error = await rejection(opened(url, options));
    expect(error).toMatchObject({
      code: 'MIGRATION_FAILED',
      message: expect.stringContaining(`: the role ${name} doesn't own jobs`),
    });
  });

  it('by a command that streams', async () => {
    const { name, url, schema, outside } = await asRole(own, 'select');
    await outside.query(`revoke select on ${schema}.tick_history from ${name}`);
    const { exitCode, stderr } = await onServer(url, 'export', 'tick_history');
    expect(exitCode).toBe(1);
    expect(stderr).toContain(
      `the role ${name} lacks SELECT on tick_history: GRANT SELECT ON tick_history`,
    );
  });

  it("in the server's words where it has no connection left to ask over", async () => {
    const { url } = await asRole(own, 'select', 'connection limit 1');
    const db = await opened(`${url}&max=1`);
    expect(await rejection(db.jobs.create(job('k')))).toMatchObject({
      code: 'READ_ONLY',
      message: expect.stringContaining('permission denied for table jobs'),
    });
  });

  it('unless a policy of the table refuses the row, whatever the role has', async () => {
    const { url, schema, outside } = await asRole(own, 'select, insert');
    const db = await opened(url);
    await outside.query(`alter table ${schema}.jobs enable row level security;
      create policy none on ${schema}.jobs for insert with check (false)`);
    expect(await rejection(db.jobs.create(job('k')))).toMatchObject({
      code: 'READ_ONLY',
      message: expect.stringContaining('row-level security policy for table "jobs"'),
    });
  });
});

describeOnServer('a transaction that can only read', (own) => {
  it('is not taken for a missing right', async () => {
    const { url, outside, db } = await own.open();
    await outside.query(`create role watches login superuser;
      alter role watches set default_transaction_read_only = on`);
    onTestFinished(async () => void (await outside.query('drop role watches')));
    const watcher = await opened(url.replace('postgres@', 'watches@'));
    const error = await rejection(watcher.jobs.create(job('k')));
    expect(error).toMatchObject({
      code: 'READ_ONLY',
      message: 'jobs.create: the transaction can only read',
    });
    expect(await db.jobs.get('k')).toBeUndefined();
  });
});
