import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { literals, PUBLISHED_TABLES, stored, writeByAnother } from '../file.js';
import { ALL_TIME, freshTotals, PAID_JOBS, rollupTotals } from '../migrate/fresh-aggregate.js';
import { atRest } from './at-work.js';
import { check, migratedFile } from './checked.js';
import { CLI, pylonDb } from './command.js';

/** Makes every rollup wrong, each in another way. */
const WRONG_ROLLUPS = `update pylon_db_job_totals set count = count + 1 where status = 'pending';
  delete from pylon_db_job_totals where status = 'failed';
  insert into pylon_db_job_totals values ('lost', 3);
  update pylon_db_earning_hours set amount_high = 'x', count = -1 where hour = ${ALL_TIME} and source = 'job';
  delete from pylon_db_earning_hours where hour = ${ALL_TIME} and source = 'invalid';
  update pylon_db_earning_hours set count = 0 where hour = ${PAID_JOBS}`;

const isRoot = process.getuid?.() === 0;

/** Whether the rollups equal what the rows give, counted by the test itself. */
function expectRightRollups(path: string): void {
  const db = new Database(path);
  try {
    expect(rollupTotals(db)).toEqual(freshTotals(db));
  } finally {
    db.close();
  }
}

const modeOf = (path: string) => statSync(path).mode & 0o777;

describe('check --repair', () => {
  it('counts wrong rollups anew, changes no row, and exits 0', async () => {
    const path = await migratedFile(WRONG_ROLLUPS);
    const rows = literals(path, ...PUBLISHED_TABLES, 'migrations');
    const before = await check(path);
    expect(before.findings).toMatchObject([{ check: 'rollups', count: 6, repairable: true }]);
    const { ok, findings, repaired } = await check(path, '--repair');
    expect({ ok, findings, repaired }).toEqual({
      ok: true,
      findings: [],
      repaired: ['rollups: counted anew'],
    });
    expectRightRollups(path);
    expect(literals(path, ...PUBLISHED_TABLES, 'migrations')).toEqual(rows);
    const again = await check(path, '--repair');
    expect([again.ok, again.repaired]).toEqual([true, []]);
  });

  it('makes dropped triggers, indexes and tables of totals again, and counts', async () => {
    const path = await migratedFile();
    const objects = () =>
      stored(path, 'select type, name, tbl_name from sqlite_master order by type, name');
    const [before, rows] = [objects(), literals(path, ...PUBLISHED_TABLES, 'migrations')];
    const lost = [
      'trigger pylon_db_earnings_after_insert',
      'trigger pylon_db_jobs_after_delete',
      'index pylon_db_jobs_status_created',
      'index idx_agents_state',
      'table pylon_db_job_totals',
    ];
    writeByAnother(path, lost.map((object) => `drop ${object}`).join(';'));
    // Nothing counts it.
    writeByAnother(path, "insert into earnings (id, amount_msats, source) values ('e', 5, 'tip')");
    expect((await check(path)).findings).toMatchObject([{ check: 'schema', repairable: true }]);
    const { ok, findings, repaired } = await check(path, '--repair');
    expect([ok, findings]).toEqual([true, []]);
    expect([...repaired].sort()).toEqual(
      [
        ...lost.map((object) => `schema: ${object.split(' ')[1]} made again`),
        'rollups: counted anew',
      ].sort(),
    );
    expect(objects()).toEqual(before);
    expectRightRollups(path);
    writeByAnother(path, "delete from earnings where id = 'e'");
    expectRightRollups(path);
    expect(literals(path, ...PUBLISHED_TABLES, 'migrations')).toEqual(rows);
  });

  it('leaves rollups that triggers keep right afterwards', async () => {
    const path = await migratedFile(WRONG_ROLLUPS);
    await check(path, '--repair');
    const db = await PylonDb.open(path);
    onTestFinished(() => db.close());
    const total = await db.earnings.total();
    await db.jobs.create({ id: 'j', kind: 1, customer_pubkey: 'c' });
    await db.jobs.completeWithPayment('j', { price_msats: 7 });
    await db.earnings.record({ id: 'e', amount_msats: 5, source: 'tip' });
    expect(await db.earnings.total()).toBe(total + 12);
    expect((await check(path)).findings).toEqual([]);
    expectRightRollups(path);
  });

  it('counts amounts exactly that no number and no 64 bits hold', async () => {
    const path = await migratedFile();
    writeByAnother(
      path,
      `with recursive c (i) as (select 1 union all select i + 1 from c where i < 2000)
       insert into earnings (id, amount_msats, source) select 'big' || i, 9007199254740991, 'tip' from c;
       update pylon_db_earning_hours set amount_low = amount_low + 1
       where hour = ${ALL_TIME} and source = 'tip'`,
    );
    const before = await check(path);
    expect(before.findings).toMatchObject([{ check: 'rollups', count: 1 }]);
    expect((await check(path, '--repair')).ok).toBe(true);
    expectRightRollups(path);
  });

  it('counts rows that can not be summed as invalid, and leaves them to be mended', async () => {
    const path = await migratedFile(
      `${WRONG_ROLLUPS};
       insert into earnings (id, amount_msats, source) values ('e', 1.5, 'tip'), ('f', 9, 'gift');
       insert into jobs (id, kind, customer_pubkey, status, started_at) values ('j', 1, 'c', 'lost', 1700000000)`,
    );
    const { findings, repaired } = await check(path, '--repair');
    expect(repaired).toEqual(['rollups: counted anew']);
    expect(findings.map(({ check, rows }) => [check, ...rows])).toEqual([
      ['values', 'j'],
      ['values', 'e'],
      ['values', 'f'],
    ]);
    expectRightRollups(path);
  });

  it('takes database and sidecars from group and others', async () => {
    const path = await migratedFile();
    const other = new Database(path);
    onTestFinished(() => void other.close());
    // SQLite itself gives an empty WAL the mode of the database.
    other.exec("update agents set name = 'changed'");
    const files = [path, `${path}-wal`, `${path}-shm`];
    const modes = [0o644, 0o660, 0o602];
    for (const [i, file] of files.entries()) chmodSync(file, modes[i] ?? 0);
    expect((await check(path)).findings).toMatchObject([
      {
        check: 'file-modes',
        rows: [`${path} 0644`, `${path}-wal 0660`, `${path}-shm 0602`],
        repairable: true,
      },
    ]);
    // Opening takes the right to write from sidecars, and leaves the file as it is.
    expect(files.map(modeOf)).toEqual([0o644, 0o640, 0o600]);
    const { ok, repaired } = await check(path, '--repair');
    expect(ok).toBe(true);
    expect(repaired).toHaveLength(2);
    expect(files.map(modeOf)).toEqual([0o600, 0o600, 0o600]);
  });

  it('says what it repaired, and what is left', async () => {
    const path = await migratedFile(`${WRONG_ROLLUPS}; update agents set balance_sats = -1`);
    chmodSync(path, 0o604);
    const { exitCode, stdout } = await pylonDb(['check', '--db', path, '--repair']);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /^result +ok, 1 note, see below\nrepaired +rollups: counted anew\nrepaired +file-modes: \S+pylon\.db is its owner's only\n/,
    );
    expect(stdout).toContain('\n\nnote: values: 8 rows of agents: balance_sats');
    expect(stored(path, 'select distinct balance_sats from agents')).toEqual([
      { balance_sats: -1 },
    ]);
  });
});

describe('check reports, and leaves alone,', () => {
  it('a folder in which others may replace the database', async () => {
    const path = await migratedFile();
    chmodSync(dirname(path), 0o770);
    expect((await check(path, '--repair')).findings).toMatchObject([
      { check: 'folder-mode', rows: [`${dirname(path)} 0770`], repairable: false },
    ]);
    expect(modeOf(dirname(path))).toBe(0o770);
    // As /tmp: there only the owner of a file may replace it.
    chmodSync(dirname(path), 0o1777);
    expect((await check(path)).ok).toBe(true);
  });

  it.skipIf(!isRoot)('sidecars of another user (needs root)', async () => {
    const path = await migratedFile();
    const other = new Database(path);
    onTestFinished(() => void other.close());
    other.prepare('select count(*) from jobs').get();
    // Others than root's and the owner's would be refused.
    chownSync(path, 12_345, 12_345);
    // Without --repair: SQLite, run by root, gives them to the owner when it opens them.
    const rows = [`${path}-wal belongs to user 0`, `${path}-shm belongs to user 0`];
    expect((await check(path)).findings).toMatchObject([
      { check: 'file-owners', severity: 'note', rows, repairable: false },
    ]);
  });

  it.skipIf(isRoot)('a file that may not be written (needs an ordinary user)', async () => {
    const path = await migratedFile(WRONG_ROLLUPS);
    chmodSync(path, 0o400);
    const { exitCode, stderr } = await pylonDb(['check', '--db', path, '--repair']);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('may only be read');
  });
});

describe('alongside others, check --repair', () => {
  it('waits for a writer, exits 5 when that holds the lock for 5 s, and changes nothing', async () => {
    const path = await migratedFile(WRONG_ROLLUPS);
    chmodSync(path, 0o644);
    const totals = stored(path, 'select * from pylon_db_job_totals');
    const other = new Database(path);
    onTestFinished(() => void other.close());
    other.exec('begin immediate');
    const start = performance.now();
    const { exitCode, stdout, stderr } = await pylonDb(['check', '--db', path, '--repair']);
    expect([exitCode, stdout]).toEqual([5, '']);
    expect(stderr).toMatch(
      /^pylon-db: another process held the write lock for \d+ ms\. Nothing was repaired\..*\n$/,
    );
    expect(performance.now() - start).toBeGreaterThan(4900);
    other.exec('rollback');
    expect(stored(path, 'select * from pylon_db_job_totals')).toEqual(totals);
    expect(modeOf(path)).toBe(0o644);
  });

  it('ends when it is asked to while it waits, and changes nothing', async () => {
    const path = await migratedFile(WRONG_ROLLUPS);
    chmodSync(path, 0o644);
    const totals = stored(path, 'select * from pylon_db_job_totals');
    const other = new Database(path);
    onTestFinished(() => void other.close());
    other.exec('begin immediate');
    const child = spawn('node', [CLI, 'check', '--db', path, '--repair']);
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const ended = once(child, 'close');
    // It has found the rollups wrong, and waits for 5 s.
    await atRest(child, path);
    child.kill('SIGTERM');
    expect(await ended).toEqual([1, null]);
    expect(stderr).toBe('pylon-db: it was stopped before its end. Run it again.\n');
    other.exec('rollback');
    expect(stored(path, 'select * from pylon_db_job_totals')).toEqual(totals);
    expect(modeOf(path)).toBe(0o644);
  });

  it('counts in one transaction with a writer that never rests', async () => {
    const path = await migratedFile(WRONG_ROLLUPS);
    const db = await PylonDb.open(path);
    let resting = false;
    const writer = (async () => {
      for (let i = 0; !resting; i++) {
        await db.jobs.create({ id: `w${i}`, kind: 1, customer_pubkey: 'c' });
        await db.jobs.completeWithPayment(`w${i}`, { price_msats: 7 });
      }
    })();
    onTestFinished(async () => {
      resting = true;
      await writer;
      await db.close();
    });
    expect((await check(path, '--repair')).ok).toBe(true);
    expectRightRollups(path);
  });
});
