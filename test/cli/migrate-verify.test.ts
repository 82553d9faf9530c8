import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrations } from '../../migrations/index.js';
import { PylonDb } from '../../src/pylon-db.js';
import { temporaryFolder } from '../temporary.js';
import { contents, json, publishedFile, pylonDb } from './command.js';

let shared: string;

beforeAll(async () => {
  shared = mkdtempSync(join(tmpdir(), 'pylon-db-'));
  await (await PylonDb.open(publishedFile(shared))).close();
});
afterAll(() => rmSync(shared, { recursive: true, force: true }));

/** A migrated copy of the fixture in which others ran `sql`. */
function migratedFile(sql: string): string {
  const path = join(temporaryFolder(), 'pylon.db');
  copyFileSync(join(shared, 'node-001.db'), path);
  const db = new Database(path);
  db.unsafeMode();
  db.exec(sql);
  db.close();
  return path;
}

/** Rewrites the SQL of one object behind SQLite's back. */
function rewritten(name: string, from: string, to: string): string {
  return `pragma writable_schema = on;
    update sqlite_master set sql = replace(sql, '${from.replaceAll("'", "''")}', '${to.replaceAll("'", "''")}')
    where name = '${name}';
    pragma writable_schema = reset;`;
}

const OURS = Object.keys(migrations).length;

describe('migrate verify', () => {
  it('exits 0 for a migrated file', async () => {
    expect(await pylonDb(['migrate', 'verify', '--db', migratedFile('')])).toEqual({
      exitCode: 0,
      stdout: `no drift (${OURS} applied)\n`,
      stderr: '',
    });
  });

  it("minds no other program's tables, indexes, triggers and columns", async () => {
    const path = migratedFile(`
      create table invoices (id text primary key);
      create index invoices_jobs on jobs (price_msats);
      create trigger invoices_log after insert on jobs begin select 1; end;
      alter table jobs add column priority integer default 0;
      alter table agents add column "check" text;
      insert into migrations (name) values ('002_invoices');`);
    const { exitCode, stdout } = await pylonDb(['migrate', 'verify', '--db', path]);
    expect([exitCode, stdout]).toEqual([0, `no drift (${OURS + 1} applied)\n`]);
  });

  it('minds no other layout of the same SQL', async () => {
    const path = migratedFile(`
      drop index idx_jobs_status;
      CREATE INDEX [IDX_jobs_status] /* again */ ON "jobs"(
        Status);`);
    expect(await json(['migrate', 'verify', '--db', path])).toMatchObject({ drift: [] });
  });

  it('finds a dropped index and a redefined trigger, shows the SQL of both, and exits 3', async () => {
    const path = migratedFile(`
      drop index idx_jobs_status;
      drop trigger pylon_db_jobs_after_insert;
      create trigger pylon_db_jobs_after_insert after insert on jobs begin select 1; end;`);
    const before = contents(join(path, '..'));
    const { exitCode, stdout, stderr } = await pylonDb(['migrate', 'verify', '--db', path]);
    expect(exitCode).toBe(3);
    expect(stdout).toBe(
      [
        'trigger pylon_db_jobs_after_insert is redefined',
        expect.stringMatching(/^ {2}migrated: CREATE TRIGGER .* set count = count \+ 1 /),
        '  in file:  CREATE TRIGGER pylon_db_jobs_after_insert after insert on jobs begin select 1; end',
        'index idx_jobs_status is missing',
        '  migrated: CREATE INDEX "idx_jobs_status" on "jobs" ("status")',
        '',
      ]
        .map((line, i) => (typeof line === 'string' ? line : stdout.split('\n')[i]))
        .join('\n'),
    );
    expect(stderr).toContain('Recreate what drifted with the SQL above, or restore a backup.');
    expect(contents(join(path, '..'))).toEqual(before);
  });

  it.each([
    [
      'a CHECK that allows more',
      rewritten('jobs', "'cancelled')", "'cancelled', 'lost')"),
      'jobs',
      "lacks «status TEXT NOT NULL CHECK(status IN('pending', 'processing', 'completed', 'failed', 'cancelled'))»",
    ],
    [
      'a column of another type',
      rewritten('earnings', 'amount_msats INTEGER', 'amount_msats REAL'),
      'earnings',
      'lacks «amount_msats integer not null»',
    ],
    [
      'a constraint more',
      rewritten(
        'agents',
        'updated_at INTEGER NOT NULL DEFAULT (unixepoch())',
        'updated_at INTEGER NOT NULL DEFAULT (unixepoch()), CHECK (balance_sats < 9)',
      ),
      'agents',
      'has «check(balance_sats < 9)»',
    ],
    [
      'a missing column',
      'alter table agents drop column goals_json',
      'agents',
      'lacks «goals_json text»',
    ],
    ['a missing table', 'drop table pylon_db_job_totals', 'pylon_db_job_totals', 'is missing'],
    ['a missing view', 'drop view pylon_db_paid_jobs', 'pylon_db_paid_jobs', 'is missing'],
    [
      'a view for a table',
      'drop table tick_history; create view tick_history as select 1',
      'tick_history',
      'is redefined',
    ],
    [
      'an index on another column',
      'drop index idx_agents_state; create index idx_agents_state on agents (name)',
      'idx_agents_state',
      'is redefined',
    ],
    [
      'an object of ours that no migration made',
      'create index pylon_db_new on jobs (kind)',
      'pylon_db_new',
      'belongs to no applied migration',
    ],
  ])('finds %s', async (_, sql, name, problem) => {
    const path = migratedFile(sql);
    const { drift } = (await json(['migrate', 'verify', '--db', path], 3)) as {
      drift: { name: string; problem: string }[];
    };
    const found = drift.find((object) => object.name === name);
    expect(found?.problem.toLowerCase()).toBe(problem.toLowerCase());
  });

  it('exits 3 for pending migrations without drift', async () => {
    const path = publishedFile(temporaryFolder());
    const { exitCode, stdout, stderr } = await pylonDb(['migrate', 'verify', '--db', path]);
    expect([exitCode, stdout]).toEqual([3, 'no drift (1 applied)\n']);
    expect(stderr).toBe(`${OURS - 1} pending. Run \`pylon-db migrate up\`.\n`);
  });

  it("refuses a newer pylon-db's file, which has not drifted", async () => {
    const path = migratedFile(`
      insert into migrations (name) values ('999_pylon_db_more');
      create index pylon_db_more on jobs (kind)`);
    const { exitCode, stdout, stderr } = await pylonDb(['migrate', 'verify', '--db', path]);
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toContain('A newer pylon-db wrote this file.');
  });
});
