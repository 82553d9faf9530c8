import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { migrations } from '../../migrations/index.js';
import { PylonDb } from '../../src/index.js';
import { writeByAnother } from '../file.js';
import { temporaryFolder } from '../temporary.js';
import { check, migratedFile } from './checked.js';
import { CLI, contents, json, publishedFile, pylonDb } from './command.js';

const UNCLEAN = fileURLToPath(new URL('../fixtures/unclean', import.meta.url));

/** Every field of the answer for a migrated copy of the fixture. */
const HEALTHY = {
  ok: true,
  path: expect.stringMatching(/^\/.*pylon\.db$/),
  depth: 'default',
  findings: [],
  skipped: [],
  repaired: [],
  versions: {
    pylon_db: expect.stringMatching(/^\d+\.\d+\.\d+/),
    node: process.versions.node,
    better_sqlite3: expect.stringMatching(/^\d+\.\d+\.\d+/),
  },
  database: {
    sqlite: expect.stringMatching(/^3\.\d+\.\d+$/),
    journal_mode: 'wal',
    page_size: 4096,
    page_count: expect.any(Number),
    freelist_count: 0,
    auto_vacuum: 0,
    encoding: 'UTF-8',
    user_version: 0,
    application_id: 0,
    synchronous: 1,
    foreign_keys: 1,
    trusted_schema: 0,
    cell_size_check: 1,
    applied_migrations: Object.keys(migrations),
    pending_migrations: [],
    identity: expect.stringMatching(/^[0-9a-f-]{36}$/),
    objects: null,
  },
  sizes: {
    file_bytes: expect.any(Number),
    wal_bytes: 0,
    free_bytes: 0,
    disk_free_bytes: expect.any(Number),
  },
  openers: [],
  last_backup: null,
  last_restore: null,
  duration_ms: expect.any(Number),
};

describe('a healthy file', () => {
  it('is ok, and check says what a doctor would', async () => {
    const path = await migratedFile();
    const before = contents(join(path, '..'));
    const answer = await json(['check', '--db', path]);
    expect(answer).toEqual(HEALTHY);
    const { size } = statSync(path);
    expect(answer).toMatchObject({
      sizes: { file_bytes: size },
      database: { page_count: size / 4096 },
    });
    expect(contents(join(path, '..'))).toEqual(before);
  });

  it('fits in a few lines', async () => {
    const path = await migratedFile();
    const { exitCode, stdout, stderr } = await pylonDb(['check', '--db', path]);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout.split('\n').map((line) => line.split('  ')[0])).toEqual([
      'result',
      'path',
      'size',
      'free disk',
      'migrations',
      'versions',
      'pragmas',
      'open in',
      'last backup',
      'last restore',
      'took',
      '',
    ]);
    expect(stdout).toMatch(/^result +ok\n/);
  });

  it.skipIf(!hasScript())('shows a bar on a terminal (needs script(1))', async () => {
    const line = `node ${CLI} check --db ${await migratedFile()}`;
    const { stdout } = spawnSync('script', ['-qec', line, '/dev/null'], { encoding: 'utf8' });
    expect(stdout).toMatch(/integrity +[█░]+ 0 % +0 of \d+/);
    expect(stdout).toContain('rollups');
    // The cursor is shown again.
    expect(stdout.lastIndexOf('\u001b[?25h')).toBeGreaterThan(stdout.lastIndexOf('\u001b[?25l'));
  });

  it('of another implementation is ok, its rollups not being there yet', async () => {
    const path = publishedFile(temporaryFolder());
    const bytes = readFileSync(path);
    expect(await json(['check', '--db', path])).toMatchObject({
      ok: true,
      skipped: [{ check: 'rollups', reason: 'there is no table pylon_db_job_totals' }],
      database: {
        applied_migrations: ['001_initial_schema'],
        pending_migrations: Object.keys(migrations).slice(1),
      },
    });
    const { stdout } = await pylonDb(['check', '--db', path, '--repair']);
    expect(stdout).toContain(
      `1 applied, ${Object.keys(migrations).length - 1} pending (\`pylon-db migrate up\`)\n`,
    );
    expect(stdout).toContain('left out      rollups (there is no table pylon_db_job_totals)\n');
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  it('with a WAL that its writer left is ok', async () => {
    const folder = temporaryFolder();
    cpSync(UNCLEAN, folder, { recursive: true });
    const path = join(folder, 'node-001.db');
    for (const suffix of ['', '-wal', '-shm']) chmodSync(path + suffix, 0o600);
    const wal = readFileSync(`${path}-wal`);
    expect(await json(['check', '--db', path])).toMatchObject({
      ok: true,
      sizes: { wal_bytes: wal.length },
    });
    expect(readFileSync(`${path}-wal`).equals(wal)).toBe(true);
  });

  it('that may only be read is ok', async () => {
    const path = await migratedFile();
    chmodSync(path, 0o400);
    expect(await json(['check', '--db', path])).toMatchObject({ ok: true });
  });

  it.skipIf(process.getuid?.() === 0)(
    'in WAL mode in a folder that may only be read is refused (needs an ordinary user)',
    async () => {
      const path = await migratedFile();
      chmodSync(join(path, '..'), 0o500);
      onTestFinished(() => chmodSync(join(path, '..'), 0o700));
      const { exitCode, stderr } = await pylonDb(['check', '--db', path]);
      expect(exitCode).toBe(1);
      expect(stderr).toContain("can't be opened");
    },
  );

  it('that is empty is a finding', async () => {
    const path = join(temporaryFolder(), 'pylon.db');
    writeFileSync(path, '', { mode: 0o600 });
    const { skipped, findings } = await check(path);
    expect(findings).toMatchObject([{ check: 'schema', mend: expect.stringMatching(/restore/i) }]);
    expect(skipped.map(({ reason }) => reason)).toContain('there is no table jobs');
  });
});

function hasScript(): boolean {
  return spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0;
}

describe('check reports', () => {
  it('who else has the file open, by number and command', async () => {
    const path = await migratedFile();
    const other = new Database(path);
    onTestFinished(() => void other.close());
    other.prepare('select count(*) from jobs').get();
    expect(await json(['check', '--db', path])).toMatchObject({
      ok: true,
      openers: [{ pid: process.pid, command: expect.stringContaining('node') }],
    });
  });

  it('the age of the newest whole backup, and the last restore', async () => {
    const path = await migratedFile();
    expect((await pylonDb(['backup', '--db', path])).exitCode).toBe(0);
    const folder = join(path, '..', 'backups');
    mkdirSync(folder, { recursive: true });
    const half = join(folder, 'half.db');
    writeFileSync(half, 'no manifest');
    // Seconds: later than the whole one.
    utimesSync(half, Date.now() / 1000 + 60, Date.now() / 1000 + 60);
    const record = { backup: '/b.db', started_at: 1_782_907_200, outcome: 'restored' };
    writeFileSync(`${path}.restore.json`, JSON.stringify(record));
    const answer = await json(['check', '--db', path, '--quick']);
    expect(answer).toMatchObject({
      last_backup: {
        path: expect.stringMatching(/backups\/pylon-\w+\.db$/),
        age_seconds: expect.toSatisfy((age: number) => age >= 0 && age < 60),
      },
      last_restore: record,
    });
    const { stdout } = await pylonDb(['check', '--db', path, '--quick']);
    expect(stdout).toMatch(/last backup +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, 0 min ago: .*\.db\n/);
    expect(stdout).toMatch(/last restore +2026-07-01 12:00:00 UTC, restored: \/b\.db\n/);
  });

  it('with --full the size of each table and index, largest first', async () => {
    const path = await migratedFile();
    const { database } = await check(path, '--full');
    const sizes = database?.objects ?? [];
    expect(sizes.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(statSync(path).size);
    expect(sizes.map(({ bytes }) => bytes)).toEqual(
      sizes.map(({ bytes }) => bytes).toSorted((a, b) => b - a),
    );
    expect(sizes).toContainEqual({
      name: 'idx_jobs_status',
      type: 'index',
      bytes: 4096,
      unused_bytes: expect.any(Number),
    });
    const { stdout } = await pylonDb(['check', '--db', path, '--full']);
    expect(stdout).toMatch(/\nindex idx_jobs_status +4 KiB \(\d+ bytes unused\)\n/);
  });

  it('with --quick what it left out', async () => {
    const path = await migratedFile(
      'update agents set balance_sats = -1; delete from pylon_db_job_totals',
    );
    const { ok, skipped } = await check(path, '--quick');
    expect(ok).toBe(true);
    expect(skipped.map(({ check }) => check)).toEqual([
      'foreign-keys',
      'rollups',
      'paid-jobs',
      'repeated-payments',
      'tick-counts',
      'values of migrations',
      'values of jobs',
      'values of earnings',
      'values of agents',
      'values of tick_history',
    ]);
    expect(new Set(skipped.map(({ reason }) => reason))).toEqual(new Set(['--quick']));
  });

  it('with --quick drift of the schema and modes of files', async () => {
    const path = await migratedFile('drop trigger pylon_db_jobs_after_insert');
    chmodSync(path, 0o640);
    const { findings } = await check(path, '--quick');
    expect(findings.map(({ check }) => check)).toEqual(['schema', 'file-modes']);
  });
});

describe('alongside a writer that never rests', () => {
  it('check sees one state of the file', async () => {
    const path = await migratedFile();
    const db = await PylonDb.open(path);
    let resting = false;
    let writes = 0;
    const writer = (async () => {
      for (; !resting; writes++) {
        const id = `w${writes}`;
        await db.jobs.create({ id, kind: 1, customer_pubkey: 'c' });
        await db.jobs.completeWithPayment(id, { price_msats: 7, payment_hash: `h${writes}` });
      }
    })();
    onTestFinished(async () => {
      resting = true;
      await writer;
      await db.close();
    });
    for (let i = 0; i < 3; i++) {
      const before = writes;
      expect((await check(path)).findings).toEqual([]);
      expect(writes).toBeGreaterThan(before);
    }
  });
});

describe('a bad command line', () => {
  it.each([
    ['--quick', '--full'],
    ['--quick', '--repair'],
    ['--deep', ''],
    ['jobs', ''],
  ])('%s %s exits 2, and looks at nothing', async (...flags) => {
    const path = join(temporaryFolder(), 'missing.db');
    const args = flags.filter((flag) => flag !== '');
    const { exitCode, stdout, stderr } = await pylonDb(['check', '--db', path, ...args]);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^pylon-db: [^\n]+`pylon-db check --help`\.\n$/);
  });

  it('finds examples and every check in the help', async () => {
    const path = await migratedFile('update agents set balance_sats = -1');
    const { findings } = await check(path);
    const { stdout, exitCode } = await pylonDb(['check', '--help']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('$ pylon-db check --repair');
    expect(stdout).toContain(`  ${findings[0]?.check}  `);
  });
});

describe('what is not a database of ours', () => {
  it.each([
    ['a missing file', undefined, 'there is no file'],
    ['text', 'hello, this is not a database at all', 'not an SQLite database'],
  ])('%s exits 1', async (_, text, problem) => {
    const path = join(temporaryFolder(), 'x.db');
    if (text !== undefined) writeFileSync(path, text.repeat(100), { mode: 0o644 });
    const { exitCode, stdout, stderr } = await pylonDb(['check', '--db', path, '--repair']);
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^pylon-db: [^\n]+\n$/);
    expect(stderr).toContain(problem);
  });

  it.each([
    ["another program's", 'create table cats (name)', "another program's database"],
    [
      "a newer pylon-db's",
      `create table migrations (id integer primary key, name text, applied_at integer);
       insert into migrations values (1, '001_initial_schema', 1), (2, '009_pylon_db_more', 1)`,
      'A newer pylon-db wrote this file',
    ],
  ])('%s file exits 1, unchanged', async (_, sql, problem) => {
    const path = join(temporaryFolder(), 'x.db');
    new Database(path).close();
    writeByAnother(path, sql);
    chmodSync(path, 0o666);
    const before = contents(join(path, '..'));
    const { exitCode, stdout, stderr } = await pylonDb(['check', '--db', path, '--repair']);
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toContain(problem);
    expect(contents(join(path, '..'))).toEqual(before);
    expect(statSync(path).mode & 0o777).toBe(0o666);
  });
});
