import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { pylonDb } from '../cli/command.js';
import { failureOf } from '../engine/failure.js';
import { agent, job } from '../engine/fresh.js';
import { temporaryFolder } from '../temporary.js';
import { describeOnServer, type OwnServer, opened } from './own-server.js';

let roles = 0;

/** Writes one after another that take longer than the second for which a look holds. */
const WRITES = 20_000;

/** A database with a job, and a role that may do all with its rows as far as no policy says no. */
async function asRole(own: OwnServer) {
  const { url, outside, db } = await own.open();
  await db.jobs.create(job('j'));
  const name = `tenant_${++roles}`;
  await outside.query(`create role ${name} login;
    grant usage on schema public to ${name};
    grant all on all tables in schema public to ${name};
    grant all on all sequences in schema public to ${name}`);
  onTestFinished(
    async () => void (await outside.query(`drop owned by ${name}; drop role ${name}`)),
  );
  return { name, owner: db, url: url.replace('postgres@', `${name}@`), outside };
}

describeOnServer('policies that may hide rows of ours', (own) => {
  it.each(['jobs', 'migrations', 'pylon_db_locks'])(
    'keep a role from opening the database: on %s',
    async (table) => {
      const { name, owner, url, outside } = await asRole(own);
      await outside.query(`alter table ${table} enable row level security`);
      for (const readonly of [false, true]) {
        const failure = await failureOf(PylonDb.open(url, { readonly }), 'NOT_SUPPORTED');
        expect(failure.message).toContain(`${table} from the role ${name}`);
        expect(failure.hint).toContain(`ALTER ROLE ${name} BYPASSRLS`);
      }
      await owner.jobs.fail('j', 'the owner sees all');
      await outside.query(`alter role ${name} bypassrls`);
      expect(await (await opened(url)).jobs.get('j')).toMatchObject({ status: 'failed' });
    },
  );

  it('are noticed by writes, and a row that they hide is not written to', async () => {
    const { url, outside } = await asRole(own);
    const db = await opened(url);
    await db.agents.upsert(agent('a'));
    await outside.query(`alter table agents enable row level security;
      create policy readers on agents for select using (true)`);
    // One write per second asks along with it; those after it know.
    const failure = await failureOf(
      (async () => {
        for (let n = 0; n < WRITES; n++) {
          await db.earnings.record({ id: String(n), amount_msats: 1, source: 'tip' });
        }
      })(),
      'NOT_SUPPORTED',
    );
    expect(failure.message).toContain('agents');
    await failureOf(db.agents.delete('a'), 'NOT_SUPPORTED');
    await failureOf(
      db.transaction((tx) => tx.agents.delete('a')),
      'NOT_SUPPORTED',
    );
    expect(await db.agents.get('a')).toBeDefined();
  });

  it('keep commands from leaving out what they hide', async () => {
    const { url, outside } = await asRole(own);
    await outside.query('alter table jobs enable row level security');
    const copy = await pylonDb(['copy', '--from', url, '--to', join(temporaryFolder(), 'a.db')]);
    expect(copy).toMatchObject({ exitCode: 1, stdout: '' });
    expect(copy.stderr).toMatch(/row-level security policy for table "jobs".*BYPASSRLS/s);
    const exported = await pylonDb(['export', 'jobs', '--db', url]);
    expect(exported).toMatchObject({ exitCode: 1, stdout: '' });
    expect(exported.stderr).toMatch(/row-level security may hide rows of jobs.*BYPASSRLS/s);
    const asked = await pylonDb([
      'query',
      'select count(*) from jobs',
      '--db',
      url,
      '--format',
      'csv',
    ]);
    expect(asked).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('0') });
  });

  it('on tables of others are theirs', async () => {
    const { url, outside } = await asRole(own);
    await outside.query(`create table notes (id int); alter table notes enable row level security;
      create schema other; create table other.jobs (id int);
      alter table other.jobs enable row level security`);
    const db = await opened(url);
    expect(await db.jobs.get('j')).toBeDefined();
  });
});
