import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, inject, it, onTestFinished } from 'vitest';
import { migrations } from '../../migrations/index.js';
import { PylonDb } from '../../src/index.js';
import { contentsOf } from '../migrate/schema-of.js';
import { migratedFile } from '../migrated-file.js';
import { temporaryFolder } from '../temporary.js';
import { CLI, contents, pylonDb } from './command.js';

/** Made once, and copied. */
const template = makeBackedUp(mkdtempSync(join(inject('runFolder'), 'restore-')));

async function makeBackedUp(folder: string): Promise<string> {
  const db = await PylonDb.open(migratedFile(join(folder, 'pylon.db')));
  await db.jobs.create({ id: 'old', kind: 1, customer_pubkey: 'c' });
  await db.backup(join(folder, 'backup.db'));
  await db.jobs.create({ id: 'since', kind: 1, customer_pubkey: 'c' });
  await db.close();
  return folder;
}

/** A database with one job, a backup of it, and another job since; one of `made`, which is copied. */
async function backedUp(made = template) {
  const folder = temporaryFolder();
  const path = join(folder, 'pylon.db');
  const backup = join(temporaryFolder(), 'backup.db');
  copyFileSync(join(await made, 'pylon.db'), path);
  for (const end of ['', '.json']) copyFileSync(join(await made, `backup.db${end}`), backup + end);
  return { folder, path, backup };
}

function jobs(path: string): unknown[] {
  const db = new Database(path, { readonly: true });
  try {
    return db.prepare('select id from jobs order by id').pluck().all();
  } finally {
    db.close();
  }
}

function allRows(path: string): Record<string, unknown> {
  const db = new Database(path, { readonly: true });
  try {
    return contentsOf(db);
  } finally {
    db.close();
  }
}

const restore = async (path: string, ...args: readonly string[]) =>
  await pylonDb(['restore', ...args, '--db', path]);

/** Changes the backup and lets its manifest agree, as somebody who tampers would. */
async function withNewManifest(backup: string): Promise<void> {
  const { createHash } = await import('node:crypto');
  const manifest = JSON.parse(readFileSync(`${backup}.json`, 'utf8'));
  const bytes = readFileSync(backup);
  manifest.sha256 = createHash('sha256').update(bytes).digest('hex');
  manifest.size_bytes = bytes.length;
  writeFileSync(`${backup}.json`, JSON.stringify(manifest));
}

it('brings back what the backup held, in WAL mode, with the same inode and mode', async () => {
  const { path, backup } = await backedUp();
  const before = statSync(path);
  const { exitCode, stdout, stderr } = await restore(path, backup);
  expect({ exitCode, stderr }).toEqual({
    exitCode: 0,
    stderr: expect.stringMatching(
      /^What is there is kept as .+\.before-restore-\w+\. Not in the backup: 1 job\.\n$/,
    ),
  });
  expect(stdout).toContain(backup);
  expect(jobs(path)).toEqual(['old']);
  expect(allRows(path)).toEqual(allRows(backup));
  const after = statSync(path);
  expect({ ino: after.ino, mode: after.mode }).toEqual({ ino: before.ino, mode: before.mode });
  const db = new Database(path);
  expect(db.pragma('journal_mode', { simple: true })).toBe('wal');
  db.close();
});

it('keeps what was there as a backup that can be restored in turn', async () => {
  const { path, backup } = await backedUp();
  const { stdout } = await restore(path, backup, '--json');
  const { safety_copy, replaced } = JSON.parse(stdout);
  expect(replaced).toBe('whole');
  expect(jobs(safety_copy)).toEqual(['old', 'since']);
  expect(statSync(safety_copy).mode & 0o777).toBe(0o600);
  expect((await restore(path, safety_copy)).exitCode).toBe(0);
  expect(jobs(path)).toEqual(['old', 'since']);
});

it('says which restore was the last one, and how long it took', async () => {
  const { path, backup } = await backedUp();
  await restore(path, backup);
  const { stderr } = await restore(path, backup);
  expect(stderr).toMatch(
    /\nThe restore before this one: .*backup\.db, .* UTC, restored after \d+\.\d s\.\n$/,
  );
});

it('changes nothing in a dry run', async () => {
  const { folder, path, backup } = await backedUp();
  const before = contents(folder);
  const { exitCode, stdout, stderr } = await restore(path, backup, '--dry-run');
  expect({ exitCode, stderr }).toEqual({
    exitCode: 0,
    stderr: 'Nothing was changed: this was a dry run.\n',
  });
  expect(stdout).toContain('would restore');
  expect(contents(folder)).toEqual(before);
});

it('names in a dry run what the backup lacks, also of a wrong clock, and where all of it would be kept', async () => {
  const path = join(temporaryFolder(), 'pylon.db');
  const backup = join(temporaryFolder(), 'backup.db');
  let now = 1_790_000_000;
  const db = await PylonDb.open(path, { clock: () => now });
  for (const id of ['old', 'unchanged']) {
    await db.jobs.create({ id, kind: 1, customer_pubkey: 'c' });
  }
  now += 100;
  // Of a clock that was wrong: the backup holds it too.
  await db.earnings.record({ id: 'f', amount_msats: 1, source: 'tip', earned_at: now + 9999 });
  await db.backup(backup);
  // In the second of the backup, and after it.
  await db.jobs.create({ id: 'since', kind: 1, customer_pubkey: 'c' });
  now += 100;
  await db.jobs.completeWithPayment('old', { price_msats: 5, payment_hash: 'h' });
  now -= 9999;
  await db.jobs.create({ id: 'of a clock that was set back', kind: 1, customer_pubkey: 'c' });
  await db.earnings.record({ id: 'of it too', amount_msats: 1, source: 'tip' });
  await db.agents.upsert({ npub: 'n', name: 'N', lifecycle_state: 'active' });
  for (const tick_number of [1, 2]) await db.agents.recordTick('n', { tick_number });
  await db.close();
  const { stdout } = await restore(path, backup, '--dry-run');
  expect(stdout).toMatch(/^not in it +3 jobs, 2 earnings, 2 ticks$/m);
  expect(stdout).toContain(`${path}.before-restore-`);
  const { stdout: json } = await restore(path, backup, '--json');
  expect(JSON.parse(json).later).toEqual({ jobs: 3, earnings: 2, ticks: 2 });
  const again = await restore(path, backup, '--dry-run');
  expect(again.stdout).toMatch(/^not in it +no job, earning or tick$/m);
});

it('creates a missing database, and its folder, for its owner only', async () => {
  const { backup } = await backedUp();
  const path = join(temporaryFolder(), 'new/pylon.db');
  expect((await restore(path, backup)).exitCode).toBe(0);
  expect(jobs(path)).toEqual(['old']);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
});

it('gives the right rows over a stale WAL, which `cp` would replay', async () => {
  const { path, backup } = await backedUp();
  const db = new Database(path);
  db.exec(
    "insert into jobs (id, kind, customer_pubkey, status, started_at) values ('wal', 1, 'c', 'pending', 1)",
  );
  for (const suffix of ['', '-wal', '-shm']) copyFileSync(path + suffix, `${path}.copy${suffix}`);
  db.close();
  for (const suffix of ['', '-wal', '-shm']) renameSync(`${path}.copy${suffix}`, path + suffix);
  expect(statSync(`${path}-wal`).size).toBeGreaterThan(0);
  expect((await restore(path, backup)).exitCode).toBe(0);
  expect(jobs(path)).toEqual(['old']);
});

it('gives the right rows to a database of another page size, which stays', async () => {
  const { path, backup } = await backedUp();
  const db = new Database(path);
  db.pragma('journal_mode = delete');
  db.pragma('page_size = 16384');
  db.exec('vacuum');
  db.close();
  expect((await restore(path, backup)).exitCode).toBe(0);
  expect(allRows(path)).toEqual(allRows(backup));
  const after = new Database(path);
  expect(after.pragma('page_size', { simple: true })).toBe(16384);
  after.close();
});

it('moves a damaged database aside with its sidecars', async () => {
  const { folder, path, backup } = await backedUp();
  writeFileSync(path, 'no database at all, but somebody may need it'.repeat(50));
  const damaged = readFileSync(path);
  const { exitCode, stdout } = await restore(path, backup, '--json');
  expect(exitCode).toBe(0);
  const { replaced, moved_aside } = JSON.parse(stdout);
  expect(replaced).toBe('damaged');
  expect(readFileSync(moved_aside[0])).toEqual(damaged);
  expect(jobs(path)).toEqual(['old']);
  expect(readdirSync(folder).some((name) => name.endsWith('.partial'))).toBe(false);
});

it.each(['idle', 'writing'])(
  'refuses while another process has it open, %s, and names it',
  async (kind) => {
    const { folder, path, backup } = await backedUp();
    const script = `
    const Database = require('better-sqlite3');
    const db = new Database(${JSON.stringify(path)});
    ${kind === 'writing' ? "db.exec('begin immediate');" : ''}
    console.log('open');
    setTimeout(() => {}, 60_000);`;
    const other = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void other.kill());
    await once(other.stdout, 'data');
    const before = contents(folder);
    const { exitCode, stderr, stdout } = await restore(path, backup, '--json');
    expect({ exitCode, stdout }).toEqual({ exitCode: 5, stdout: '' });
    const { error } = JSON.parse(stderr);
    expect(error.code).toBe('IN_USE');
    expect(error.message).toContain(String(other.pid));
    expect(contents(folder)).toEqual(before);
  },
);

it('leaves all rows, in WAL mode, when there is no room for the safety copy', async () => {
  const { folder, path, backup } = await backedUp();
  const before = allRows(path);
  // In blocks of 512 or 1,024 bytes: less than the file, more than its sidecars.
  const line = 'ulimit -f 100; exec "$0" "$@"';
  const args = ['-c', line, process.execPath, CLI, 'restore', backup, '--db', path];
  const { status, stderr } = spawnSync('sh', args, { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({
    status: 1,
    // The disk has room, and says how much: the limit is what is full.
    stderr: expect.stringMatching(
      /no room for a safety copy at \S+: it needs up to \d+ KiB, and a quota or a limit \(`ulimit -f`\) is in the way, as .* are free\./,
    ),
  });
  // As its header says: WAL for those who write, and for those who read.
  expect([...readFileSync(path).subarray(18, 20)]).toEqual([2, 2]);
  expect(allRows(path)).toEqual(before);
  expect(readdirSync(folder).filter((name) => /partial|before-restore/.test(name))).toEqual([]);
});

const BAD: Readonly<Record<string, (backup: string) => void | Promise<void>>> = {
  damaged(backup) {
    const bytes = readFileSync(backup);
    bytes.fill(0xff, 4096, 8192);
    writeFileSync(backup, bytes);
  },
  truncated: (backup) => truncateSync(backup, 8192),
  'without manifest': (backup) => renameSync(`${backup}.json`, `${backup}.gone`),
  'with a manifest of another': (backup) => {
    const manifest = JSON.parse(readFileSync(`${backup}.json`, 'utf8'));
    writeFileSync(`${backup}.json`, JSON.stringify({ ...manifest, sha256: 'a'.repeat(64) }));
  },
  async 'of a newer pylon-db'(backup) {
    const db = new Database(backup);
    db.exec("insert into migrations (name) values ('009_pylon_db_future')");
    db.close();
    await withNewManifest(backup);
  },
  async 'of another program'(backup) {
    writeFileSync(backup, '');
    const db = new Database(backup);
    db.exec('create table notes (text)');
    db.close();
    await withNewManifest(backup);
  },
  async 'with rows that its manifest lacks'(backup) {
    const db = new Database(backup);
    db.exec("insert into agents (npub, name, lifecycle_state) values ('x', '', 'active')");
    db.close();
    await withNewManifest(backup);
  },
};

it.each(Object.entries(BAD))('refuses a backup %s, and touches nothing', async (_, spoil) => {
  const { folder, path, backup } = await backedUp();
  await spoil(backup);
  const before = contents(folder);
  const { exitCode, stderr } = await restore(path, backup, '--json');
  expect({ exitCode, code: JSON.parse(stderr).error.code }).toEqual({
    exitCode: 4,
    code: 'BACKUP_INVALID',
  });
  expect(contents(folder)).toEqual(before);
});

it.each([
  ['a file without manifest', '', '--force'],
  ['the manifest in the place of the backup', '.json', 'Give '],
])('says the way out for %s', async (_, suffix, way) => {
  const { path, backup } = await backedUp();
  if (suffix === '') renameSync(`${backup}.json`, `${backup}.gone`);
  const { exitCode, stderr } = await restore(path, backup + suffix);
  expect({ exitCode, stderr }).toEqual({ exitCode: 4, stderr: expect.stringContaining(way) });
});

it('says in one line what was wrong with a damaged database', async () => {
  const { path, backup } = await backedUp();
  const bytes = readFileSync(path);
  bytes.fill(0xff, 4096 * 2, 4096 * 3);
  writeFileSync(path, bytes);
  const { stdout } = await restore(path, backup);
  expect(stdout).toMatch(/^there before +damaged: (table|index) .+: Tree \d+ page \d+: .*$/m);
  expect(stdout).not.toContain('***');
});

it('takes a file without manifest with --force, as `sqlite3 .backup` makes them', async () => {
  const { path, backup } = await backedUp();
  renameSync(`${backup}.json`, `${backup}.gone`);
  expect((await restore(path, backup, '--force')).exitCode).toBe(0);
  expect(jobs(path)).toEqual(['old']);
});

it('refuses triggers that the database lacks, and touches nothing, but for --force', async () => {
  const { folder, path, backup } = await backedUp();
  const db = new Database(backup);
  db.exec(
    'create trigger steal after insert on earnings begin update agents set balance_sats = 0; end',
  );
  db.close();
  await withNewManifest(backup);
  const before = contents(folder);
  const { exitCode, stderr } = await restore(path, backup);
  expect(exitCode).toBe(2);
  expect(stderr).toContain('steal');
  expect(contents(folder)).toEqual(before);
  expect((await restore(path, backup, '--force')).exitCode).toBe(0);
  expect(jobs(path)).toEqual(['old']);
});

it.each(Object.keys(migrations).slice(1, -1))(
  'takes a backup whose last migration is %s, and the next open migrates it',
  async (name) => {
    const { folder, path } = await backedUp();
    const older = join(folder, 'older.db');
    copyFileSync(path, older);
    const later = Object.keys(migrations).filter((other) => other > name).length;
    await pylonDb(['migrate', 'down', '--steps', String(later), '--db', older]);
    const backup = join(folder, 'older-backup.db');
    await pylonDb(['backup', backup, '--db', older]);

    expect(await restore(path, backup)).toMatchObject({ exitCode: 0 });

    const db = await PylonDb.open(path);
    await db.earnings.record({ id: 'e', amount_msats: 7, source: 'tip' });
    expect([await db.earnings.total(), (await db.jobs.countByStatus()).pending]).toEqual([7, 2]);
    await db.close();
  },
);

it('goes on naming what the last restore kept when the next one is refused', async () => {
  const { path, backup } = await backedUp();
  const { safety_copy } = JSON.parse((await restore(path, backup, '--json')).stdout);
  const other = await backedUp(makeBackedUp(temporaryFolder()));
  expect((await restore(path, other.backup)).exitCode).toBe(2);
  const record = JSON.parse(readFileSync(`${path}.restore.json`, 'utf8'));
  expect(record).toMatchObject({ backup, outcome: 'restored', safety_copy });
});

it("refuses another program's database at the place, and leaves it", async () => {
  const { folder, path, backup } = await backedUp();
  writeFileSync(path, '');
  const db = new Database(path);
  db.exec('create table notes (text)');
  db.close();
  const before = contents(folder);
  const { exitCode, stderr } = await restore(path, backup, '--json');
  expect({ exitCode, code: JSON.parse(stderr).error.code }).toEqual({
    exitCode: 1,
    code: 'SCHEMA_MISMATCH',
  });
  expect(contents(folder)[path]).toEqual(before[path]);
});

it.each([
  ['another program’s database, with --force', 'create table notes (text)'],
  ['an empty file', ''],
])('replaces %s and says where a copy is', async (_, sql) => {
  const { path, backup } = await backedUp();
  writeFileSync(path, '');
  const db = new Database(path);
  db.exec(sql);
  db.close();
  const before = readFileSync(path);
  const { exitCode, stdout } = await restore(path, backup, '--force', '--json');
  expect(exitCode).toBe(0);
  expect(readFileSync(JSON.parse(stdout).safety_copy)).toEqual(before);
  expect(jobs(path)).toEqual(['old']);
});

it.each([
  [['nowhere.db'], 1, 'no file'],
  [[], 2, 'missing'],
  [['a', 'b'], 2, 'argument'],
  [['a', '--dri-run'], 2, 'unknown option'],
])('says what is wrong with `restore %s`', async (args, exitCode, word) => {
  const { path } = await backedUp();
  const outcome = await restore(path, ...args);
  expect(outcome.exitCode).toBe(exitCode);
  expect(outcome.stderr).toContain(word);
  expect(outcome.stderr.split('\n')).toHaveLength(2);
  expect(existsSync(`${path}.restore.json`)).toBe(false);
});

it('refuses to restore the database from itself', async () => {
  const { path } = await backedUp();
  const { exitCode, stderr } = await restore(path, path, '--force');
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 2 });
  expect(stderr).toContain('belongs to the database itself');
  expect(jobs(path)).toEqual(['old', 'since']);
});
