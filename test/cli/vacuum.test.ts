import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  openSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { literals, stored } from '../file.js';
import { temporaryFolder } from '../temporary.js';
import { atWork } from './at-work.js';
import { CLI, contents, json, publishedFile, pylonDb } from './command.js';
import { vacuumable, valuesOf } from './vacuumable.js';

/** Another program's connection. */
function connection(path: string): Database.Database {
  const db = new Database(path);
  onTestFinished(() => void db.close());
  return db;
}

/** The identity and rights of a file. */
function identity(path: string): object {
  const { ino, mode, uid } = statSync(path);
  return { ino, mode, uid };
}

describe('vacuum', () => {
  it('gives free pages back and keeps every value, the file, its rights and WAL mode', async () => {
    const { path, rows } = await vacuumable(temporaryFolder(), 6000);
    const before = { ...identity(path), size: statSync(path).size };
    const reported = await json(['vacuum', '--db', path]);
    const { size } = statSync(path);
    expect(size).toBeLessThan(before.size / 2);
    expect(reported).toEqual({
      path,
      before: { file_bytes: before.size, wal_bytes: 0, free_bytes: expect.any(Number) },
      after: { file_bytes: size, wal_bytes: 0, free_bytes: expect.any(Number) },
      checkpointed: true,
      freed_bytes: before.size - size,
      duration_ms: expect.any(Number),
    });
    expect(reported).toHaveProperty(
      'before.free_bytes',
      expect.toSatisfy((free: number) => free > before.size / 2),
    );
    expect(before).toMatchObject(identity(path));
    expect(valuesOf(path)).toEqual(rows);
    expect(stored(path, 'pragma integrity_check')).toEqual([{ integrity_check: 'ok' }]);
    expect(stored(path, 'pragma journal_mode')).toEqual([{ journal_mode: 'wal' }]);
  });

  it('refreshes the statistics of the planner, without sqlite_stat4', async () => {
    const { path } = await vacuumable(temporaryFolder(), 300);
    // As the sqlite3 shell of some systems leaves it.
    connection(path).exec('analyze');
    expect(stored(path, "select 1 from sqlite_master where name = 'sqlite_stat4'")).toHaveLength(1);
    await json(['vacuum', '--db', path]);
    const tables = "select name from sqlite_master where name like 'sqlite_stat%'";
    expect(stored(path, tables)).toEqual([{ name: 'sqlite_stat1' }]);
    const jobs = "select 1 from sqlite_stat1 where tbl = 'jobs' and idx = 'idx_jobs_created'";
    expect(stored(path, jobs)).toHaveLength(1);
  });

  it('says what it did', async () => {
    const { path } = await vacuumable(temporaryFolder(), 3000);
    const first = await pylonDb(['vacuum', '--db', path]);
    expect([first.exitCode, first.stderr]).toEqual([0, '']);
    const size = String.raw`[\d.]+ [KM]iB \([\d.]+ (bytes|KiB|MiB) free\) \+ 0 bytes in the WAL`;
    expect(first.stdout).toMatch(
      new RegExp(
        `^path {4}${path}\nbefore {2}${size}\nafter {3}${size}\nfreed {3}[\\d.]+ MiB\ntook {4}[\\d.]+ s\n$`,
      ),
    );
    const second = await pylonDb(['vacuum', '--db', path]);
    expect(second.stdout).toContain('freed   nothing: it was packed already\n');
  });

  it('counts a long WAL among the bytes before, and empties it', async () => {
    const { path } = await vacuumable(temporaryFolder(), 300);
    const writer = connection(path);
    writer.pragma('wal_autocheckpoint = 0');
    writer.exec('insert into theirs select zeroblob(1000000)');
    const reported = await json(['vacuum', '--db', path]);
    expect(reported).toMatchObject({ after: { wal_bytes: 0 }, checkpointed: true });
    expect(reported).toHaveProperty(
      'before.wal_bytes',
      expect.toSatisfy((bytes: number) => bytes > 1_000_000),
    );
    expect(statSync(`${path}-wal`).size).toBe(0);
  });

  it('works through a link to the file', async () => {
    const folder = temporaryFolder();
    const { path, rows } = await vacuumable(folder, 3000);
    const link = join(temporaryFolder(), 'link.db');
    symlinkSync(path, link);
    expect(await json(['vacuum', '--db', link])).toMatchObject({ path, checkpointed: true });
    expect(valuesOf(path)).toEqual(rows);
  });

  it('leaves pending migrations pending, and a journal mode that is not WAL as it is', async () => {
    const path = publishedFile(temporaryFolder());
    connection(path).pragma('journal_mode = delete');
    const tables = ['jobs', 'earnings', 'agents', 'tick_history', 'migrations'];
    const rows = literals(path, ...tables);
    const { exitCode } = await pylonDb(['vacuum', '--db', path]);
    expect(exitCode).toBe(0);
    expect(literals(path, ...tables)).toEqual(rows);
    expect(stored(path, 'pragma journal_mode')).toEqual([{ journal_mode: 'delete' }]);
  });

  it.skipIf(!hasScript())('shows a bar on a terminal (needs script(1))', async () => {
    const { path } = await vacuumable(temporaryFolder(), 3000);
    const line = `node ${CLI} vacuum --db ${path}`;
    const { stdout } = spawnSync('script', ['-qec', line, '/dev/null'], { encoding: 'utf8' });
    expect(stdout).toMatch(/vacuuming +[█░]+/);
    expect(stdout).toContain('analyzing');
    // The cursor is shown again.
    expect(stdout.lastIndexOf('\u001b[?25h')).toBeGreaterThan(stdout.lastIndexOf('\u001b[?25l'));
  });
});

function hasScript(): boolean {
  return spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0;
}

describe('alongside others, vacuum', () => {
  it('works while they only have the file open, and they go on', async () => {
    const { path } = await vacuumable(temporaryFolder(), 3000);
    const db = await PylonDb.open(path);
    onTestFinished(() => db.close());
    const newest = await db.jobs.list({ limit: 5 });
    expect(await json(['vacuum', '--db', path])).toMatchObject({ checkpointed: true });
    expect(await db.jobs.list({ limit: 5 })).toEqual(newest);
    await db.jobs.create({ id: 'later', kind: 1, customer_pubkey: 'c' });
    expect(stored(path, "select id from jobs where id = 'later'")).toHaveLength(1);
  });

  it('loses nothing of a writer that never rests', async () => {
    const { path, rows } = await vacuumable(temporaryFolder(), 6000);
    const db = await PylonDb.open(path, { busyTimeoutMs: 600_000 });
    onTestFinished(() => db.close());
    const acknowledged: string[] = [];
    let resting = false;
    const writing = (async () => {
      while (!resting) acknowledged.push((await db.agents.recordTick('a', tick)).agent_npub);
    })();
    const { exitCode, stderr } = await pylonDb(['vacuum', '--wait', '600', '--db', path]);
    resting = true;
    await writing;
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stored(path, 'select count(*) as n from tick_history')).toEqual([
      { n: acknowledged.length },
    ]);
    expect({ ...valuesOf(path), tick_history: [], agents: [] }).toEqual({ ...rows, agents: [] });
  });

  it.each([
    ['reads an old state', 'begin; select count(*) from jobs'],
    ['writes', 'begin immediate; delete from theirs'],
  ])('exits 5 and names a process that %s', async (_, sql) => {
    const { path, rows } = await vacuumable(temporaryFolder(), 300);
    const other = connection(path);
    other.exec(sql);
    if (!sql.includes('immediate')) {
      connection(path).exec(
        "insert into agents (npub, name, lifecycle_state) values ('b', '', 'active')",
      );
    }
    const { size } = statSync(path);
    const outcome = await pylonDb(['vacuum', '--wait', '0.3', '--db', path]);
    expect([outcome.exitCode, outcome.stdout]).toEqual([5, '']);
    expect(outcome.stderr).toMatch(
      /^pylon-db: others were reading or writing for [\d.]+ s: process \d+ \(.*\)\. No row was changed\./,
    );
    expect(outcome.stderr).toContain(`process ${process.pid} (`);
    expect(statSync(path).size).toBeGreaterThanOrEqual(size);
    other.exec('rollback');
    expect({ ...valuesOf(path), agents: [] }).toEqual({ ...rows, agents: [] });
  });

  it('says who keeps the file from shrinking when a reader came meanwhile', async () => {
    const { path, rows, other, size, stderr } = await vacuumedBesideReader();
    expect(stderr).toContain(
      `The file will shrink once these have ended their reads: process ${process.pid} (`,
    );
    expect(statSync(path).size).toBe(size);

    other.exec('commit');
    other.pragma('wal_checkpoint(truncate)');
    expect(statSync(path).size).toBeLessThan(size / 2);
    expect(valuesOf(path)).toEqual(rows);
  });

  it('waits for a writer that ends in time', async () => {
    const { path } = await vacuumable(temporaryFolder(), 3000);
    const other = connection(path);
    other.exec("begin immediate; insert into theirs values ('meanwhile')");
    const vacuum = json(['vacuum', '--wait', '600', '--db', path]);
    // Longer than starting it takes.
    await sleep(1500);
    other.exec('commit');
    expect(await vacuum).toMatchObject({ checkpointed: true });
    expect(stored(path, "select * from theirs where value = 'meanwhile'")).toHaveLength(1);
  });
});

/** A vacuum that a reader came to while it wrote, so that its state is the one before. */
async function vacuumedBesideReader() {
  for (let tries = 1; ; tries++) {
    const { path, rows } = await vacuumable(temporaryFolder(), 40_000);
    const other = connection(path);
    const size = statSync(path).size;
    const vacuum = pylonDb(['vacuum', '--wait', '0.5', '--json', '--db', path]);
    let isOver = false;
    void vacuum.finally(() => {
      isOver = true;
    });
    while (!isOver && walSize(path) < 100_000) await sleep(1);
    other.exec('begin; select count(*) from jobs');
    const { exitCode, stdout, stderr } = await vacuum;
    expect(exitCode).toBe(0);
    if (JSON.parse(stdout).checkpointed === false) return { path, rows, other, size, stderr };
    // On a busy machine the reader may come too late.
    expect(tries).toBeLessThan(20);
    other.exec('commit');
  }
}

function walSize(path: string): number {
  return statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
}

const tick = { tick_number: 1 };

describe('vacuum refuses', () => {
  it('when the disk has no room, with both figures, and changes nothing', async () => {
    const path = publishedFile(temporaryFolder());
    connection(path).pragma('journal_mode = delete');
    // A file of 4 TiB that takes no room: its header says so, and all but its begin is a hole.
    const pages = 2 ** 30;
    const header = Buffer.alloc(4);
    header.writeUInt32BE(pages);
    const file = openSync(path, 'r+');
    writeSync(file, header, 0, 4, 28);
    closeSync(file);
    truncateSync(path, pages * 4096);
    const before = statSync(path, { bigint: true });

    const outcome = await pylonDb(['vacuum', '--db', path, '--json']);
    expect([outcome.exitCode, outcome.stdout]).toEqual([1, '']);
    expect(JSON.parse(outcome.stderr)).toEqual({
      error: {
        code: 'DISK_FULL',
        message: expect.stringMatching(/^it needs 8 TiB free on the disk of .*, and there are /),
        hint: expect.stringContaining('Nothing was changed.'),
      },
    });
    expect(statSync(path, { bigint: true }).mtimeNs).toBe(before.mtimeNs);
  });

  it('a missing file, and creates none', async () => {
    const folder = temporaryFolder();
    const { exitCode, stderr } = await pylonDb(['vacuum', '--db', join(folder, 'none.db')]);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('there is no file')]);
    expect(contents(folder)).toEqual({});
  });

  it("another program's database, and leaves it as it is", async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'other.db');
    new Database(path).exec('create table notes (text)').close();
    const before = contents(folder);
    const { exitCode, stderr } = await pylonDb(['vacuum', '--db', path]);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("another program's database")]);
    expect(contents(folder)).toEqual(before);
  });

  it('an empty file, which stays empty', async () => {
    const path = join(temporaryFolder(), 'empty.db');
    writeFileSync(path, '');
    const { exitCode, stderr } = await pylonDb(['vacuum', '--db', path]);
    expect([exitCode, stderr]).toEqual([3, expect.stringContaining('migrations are pending')]);
    expect(statSync(path).size).toBe(0);
  });

  it.each([
    ['a time that is none', ['--wait', 'soon'], 'Give seconds'],
    ['an argument', ['jobs'], 'too many arguments'],
  ])('%s', async (_, args, fix) => {
    const path = publishedFile(temporaryFolder());
    const { exitCode, stderr } = await pylonDb(['vacuum', ...args, '--db', path]);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(fix)]);
  });
});

describe('Ctrl-C', () => {
  it('ends a vacuum that waits, with exit 1, and the file is whole', async () => {
    const { path, rows } = await vacuumable(temporaryFolder(), 300);
    const other = connection(path);
    other.exec('begin immediate');
    const child = spawn('node', [CLI, 'vacuum', '--wait', '60', '--db', path]);
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    const exit = new Promise((resolve) => child.on('close', resolve));
    await atWork(child, path);
    child.kill('SIGINT');
    expect(await exit).toBe(1);
    expect(stderr).toMatch(/^pylon-db: it was stopped before its end/);
    other.exec('rollback');
    expect(valuesOf(path)).toEqual(rows);
  });
});
