import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, it } from 'vitest';
import { fill, mountReadOnly, NO_TMPFS, smallDisk } from '../small-disk.js';
import { temporaryFolder } from '../temporary.js';
import { migratedFile } from './checked.js';
import { CLI, pylonDb } from './command.js';

const MEBIBYTE = 1024 * 1024;

const COMMANDS = [
  ['info'],
  ['check'],
  ['jobs'],
  ['earnings'],
  ['agents'],
  ['query', 'select count(*) from jobs'],
  ['export', 'jobs'],
  ['migrate', 'status'],
  ['migrate', 'plan'],
  ['migrate', 'verify'],
];

/** A migrated file on a disk of its own; `undefined` where none may be mounted. */
async function onSmallDisk(): Promise<{ disk: string; path: string } | undefined> {
  const disk = smallDisk(MEBIBYTE);
  if (disk === undefined) return undefined;
  const path = join(disk, 'pylon.db');
  copyFileSync(await migratedFile(), path);
  chmodSync(path, 0o600);
  const db = new Database(path);
  db.pragma('journal_mode = wal');
  db.close();
  return { disk, path };
}

/** Leaves a journal as a process does that is killed in the middle of a large transaction. */
function leaveHotJournal(path: string): void {
  const db = new Database(path);
  db.pragma('journal_mode = delete');
  db.pragma('cache_size = 1');
  db.exec('begin; create table big (text); insert into big values (zeroblob(100000))');
  db.exec("update jobs set customer_pubkey = 'never committed'");
  for (const name of ['pylon.db', 'pylon.db-journal']) {
    copyFileSync(join(path, '..', name), join(path, '..', `kept-${name}`));
  }
  db.exec('rollback');
  db.close();
  for (const name of ['pylon.db', 'pylon.db-journal']) {
    copyFileSync(join(path, '..', `kept-${name}`), join(path, '..', name));
    rmSync(join(path, '..', `kept-${name}`));
  }
}

it('check --repair reports the full disk, and repairs no copy instead', async (context) => {
  const there = await onSmallDisk();
  if (there === undefined) return context.skip(NO_TMPFS);
  fill(there.disk);
  const { exitCode, stdout, stderr } = await pylonDb(['check', '--repair', '--db', there.path]);
  expect([exitCode, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(
    /^pylon-db: the disk, a quota or the database is full\. .* \(0 bytes are free\) /,
  );
});

it('a backup to a full disk says what it needs and what is free', async (context) => {
  const disk = smallDisk(MEBIBYTE);
  if (disk === undefined) return context.skip(NO_TMPFS);
  fill(disk);
  const { exitCode, stderr } = await pylonDb(['backup', `${disk}/`, '--db', await migratedFile()]);
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(
    /^pylon-db: there is no room at \S+: it needs up to \d+ KiB, and 0 bytes are free\. /,
  );
});

describe('commands that read', () => {
  let temp = '';
  beforeEach(() => {
    temp = temporaryFolder();
  });

  it.for(COMMANDS)(
    '%s reads a copy where the disk is full, and removes it',
    async (args, context) => {
      const there = await onSmallDisk();
      if (there === undefined) return context.skip(NO_TMPFS);
      const expected = await pylonDb([...args, '--db', there.path, '--json'], { TMPDIR: temp });
      for (const part of ['-wal', '-shm']) rmSync(there.path + part, { force: true });
      fill(there.disk);
      const reported = await pylonDb([...args, '--db', there.path, '--json'], { TMPDIR: temp });
      expect(reported.exitCode, reported.stderr).toBe(0);
      expect(reported.stderr).toMatch(/^A copy in .* is read, since .* full\.$/m);
      if (args[0] !== 'check' && args[0] !== 'info') expect(reported.stdout).toBe(expected.stdout);
      else expect(JSON.parse(reported.stdout).path).toBe(there.path);
      expect(readdirSync(temp)).toEqual([]);
    },
  );

  it.for(['a full disk', 'a disk that is mounted for reading only'])(
    'back up and copy a database of %s to another',
    async (which, context) => {
      const there = await onSmallDisk();
      if (there === undefined) return context.skip(NO_TMPFS);
      if (which === 'a full disk') fill(there.disk);
      else mountReadOnly(there.disk, true);
      const elsewhere = temporaryFolder();
      const backup = join(elsewhere, 'backup.db');
      const made = await pylonDb(['backup', backup, '--db', there.path, '--json'], {
        TMPDIR: temp,
      });
      expect(made.exitCode, made.stderr).toBe(0);
      expect(JSON.parse(made.stdout).manifest.source).toBe(there.path);
      expect((await pylonDb(['backup', 'verify', backup])).exitCode).toBe(0);
      const copy = join(elsewhere, 'copy.db');
      const copied = await pylonDb(['copy', '--from', there.path, '--to', copy, '--json'], {
        TMPDIR: temp,
      });
      expect(copied.exitCode, copied.stderr).toBe(0);
      expect(JSON.parse(copied.stdout).from).toBe(there.path);
      expect(readdirSync(temp)).toEqual([]);
    },
  );

  it('read a copy of a disk that is mounted for reading only', async (context) => {
    const there = await onSmallDisk();
    if (there === undefined) return context.skip(NO_TMPFS);
    mountReadOnly(there.disk, true);
    const reported = await pylonDb(['jobs', '--db', there.path], { TMPDIR: temp });
    expect(reported.exitCode, reported.stderr).toBe(0);
    expect(reported.stderr).toContain('mounted for reading only');
    expect(readdirSync(temp)).toEqual([]);
  });

  it.for(['a full disk', 'a disk that is mounted for reading only'])(
    'look on %s at what a restore would replace',
    async (which, context) => {
      const there = await onSmallDisk();
      if (there === undefined) return context.skip(NO_TMPFS);
      const backup = join(temporaryFolder(), 'backup.db');
      await pylonDb(['backup', backup, '--db', there.path]);
      for (const part of ['-wal', '-shm']) rmSync(there.path + part, { force: true });
      if (which === 'a full disk') fill(there.disk);
      else mountReadOnly(there.disk, true);
      const args = ['restore', backup, '--dry-run', '--db', there.path, '--json'];
      const reported = await pylonDb(args, { TMPDIR: temp });
      expect(reported.exitCode, reported.stderr).toBe(0);
      const later = { jobs: 0, earnings: 0, ticks: 0 };
      expect(JSON.parse(reported.stdout)).toMatchObject({
        path: there.path,
        replaced: 'whole',
        later,
      });
      expect(readdirSync(temp)).toEqual([]);
    },
  );

  it('see what was committed when a transaction was left in the middle', async () => {
    const path = await migratedFile();
    leaveHotJournal(path);
    const sql = "select count(*) from jobs where customer_pubkey = 'never committed'";
    const reported = await pylonDb(['query', sql, '--db', path, '--format', 'csv'], {
      TMPDIR: temp,
    });
    expect(reported.exitCode, reported.stderr).toBe(0);
    expect(reported.stdout.split('\n')[1]?.trim()).toBe('0');
    expect(reported.stderr).toContain('left in the middle of a transaction');
    expect(readdirSync(join(path, '..')).sort()).toEqual(['pylon.db', 'pylon.db-journal']);
    expect(readdirSync(temp)).toEqual([]);
  });

  it('say that the disk is full where there is no room for a copy either', async (context) => {
    const there = await onSmallDisk();
    if (there === undefined) return context.skip(NO_TMPFS);
    const full = join(there.disk, 'temp');
    mkdirSync(full);
    fill(there.disk);
    const reported = await pylonDb(['info', '--db', there.path, '--json'], { TMPDIR: full });
    expect(reported.exitCode).toBe(1);
    const { error } = JSON.parse(reported.stderr);
    expect(error.code).toBe('DISK_FULL');
    expect(error.hint).toMatch(
      /TMPDIR, which is \S+: it needs up to \d+ KiB, and \S+ \w+ are free\./,
    );
    expect(readdirSync(full)).toEqual([]);
  });

  it('remove the copy when they are asked to end', async () => {
    const path = await migratedFile();
    leaveHotJournal(path);
    const sql =
      'with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n';
    const child = spawn('node', [CLI, 'query', sql, '--db', path], {
      env: { ...process.env, TMPDIR: temp },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = once(child, 'exit');
    // It says so once the copy is made.
    await once(child.stderr, 'data');
    const [folder = ''] = readdirSync(temp);
    expect(readdirSync(join(temp, folder))).toContain('copy.db');
    child.kill('SIGTERM');
    expect((await ended)[1]).toBe('SIGTERM');
    expect(readdirSync(temp)).toEqual([]);
  });
});
