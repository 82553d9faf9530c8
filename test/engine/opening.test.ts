import { execFileSync } from 'node:child_process';
import {
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { sql } from 'kysely';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type OpenOptions, PylonDb } from '../../src/index.js';
import { temporaryFolder } from '../temporary.js';
import { failureOf } from './failure.js';
import { agent, job, openFresh } from './fresh.js';
import { readOutside, valueOutside, writeOutside } from './outside.js';

const ROOT = join(import.meta.dirname, '../..');

async function opened(path: string, options: OpenOptions = {}): Promise<PylonDb> {
  const db = await PylonDb.open(path, options);
  onTestFinished(() => db.close());
  return db;
}

const BOTH: readonly [string, OpenOptions][] = [
  ['to write', {}],
  ['to read', { readonly: true }],
];

describe.each(BOTH)('opening %s', (_, options) => {
  it('throws CANNOT_OPEN for a folder, and leaves it as it is', async () => {
    const folder = temporaryFolder();
    expect((await failureOf(PylonDb.open(folder, options), 'CANNOT_OPEN')).path).toBe(folder);
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each([
    ['a text', 'This is a text, and no database.\n'.repeat(100)],
    ['a short text', 'text'],
  ])('throws NOT_A_DATABASE for %s, and leaves it as it is', async (_name, text) => {
    const folder = temporaryFolder();
    const path = join(folder, 'pylon.db');
    writeFileSync(path, text);
    expect((await failureOf(PylonDb.open(path, options), 'NOT_A_DATABASE')).path).toBe(path);
    expect(readFileSync(path, 'utf8')).toBe(text);
    expect(readdirSync(folder)).toEqual(['pylon.db']);
  });

  it("throws for a file that was cut off, and doesn't repair it", async () => {
    const { db, path } = await closedFile();
    expect(db.path).toBe(path);
    const half = Math.floor(statSync(path).size / 2);
    truncateSync(path, half);
    const opening = (async () => {
      const damaged = await PylonDb.open(path, options);
      try {
        await damaged.jobs.list();
        await damaged.earnings.rollup({ by: 'day' });
        await sql`pragma integrity_check`.execute(damaged.kysely);
      } finally {
        await damaged.close();
      }
    })();
    await failureOf(opening, 'CORRUPT');
  });

  it('takes a path with any characters, and a symbolic link', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'a b?mode=ro#1%20ü\'"; drop.db');
    await (await PylonDb.open(path)).close();
    const link = join(folder, 'link.db');
    symlinkSync(path, link);
    for (const name of [path, link]) {
      const db = await PylonDb.open(name, options);
      expect(db.path).toBe(name);
      expect(await db.jobs.list()).toEqual([]);
      await db.close();
    }
    // Readers may leave sidecars, next to the file that the link names.
    const files = readdirSync(folder).filter((name) => !/-(wal|shm)$/.test(name));
    expect(files.map((name) => join(folder, name)).sort()).toEqual([path, link].sort());
  });
});

/** A file with a few rows that nobody has open. */
async function closedFile() {
  const path = join(temporaryFolder(), 'pylon.db');
  const db = await PylonDb.open(path);
  await db.agents.upsert(agent('n'));
  await Promise.all(Array.from({ length: 300 }, (_, i) => db.jobs.create(job(`job ${i}`))));
  await db.close();
  return { db, path };
}

describe('readonly', () => {
  it.each(['missing.db', 'missing/pylon.db'])('creates nothing (%s)', async (name) => {
    const folder = temporaryFolder();
    const call = PylonDb.open(join(folder, name), { readonly: true });
    await failureOf(call, 'CANNOT_OPEN');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('refuses every write and transaction with READ_ONLY, and reads', async () => {
    const { path } = await closedFile();
    const before = readFileSync(path);
    const db = await PylonDb.open(path, { readonly: true });
    for (const write of [
      db.jobs.create(job('new')),
      db.jobs.claimNext(),
      db.earnings.recordForJob('job 1', 5),
      db.agents.recordTick('n', { tick_number: 1 }),
      db.agents.delete('n'),
      db.transaction(async (tx) => await tx.jobs.list()),
      db.kysely.transaction().execute(async (trx) => await trx.selectFrom('jobs').execute()),
      db.kysely.deleteFrom('jobs').execute(),
      db.kysely.schema.dropTable('jobs').execute(),
      sql`pragma user_version = 5`.execute(db.kysely),
      sql`vacuum`.execute(db.kysely),
    ]) {
      await failureOf(write, 'READ_ONLY');
    }
    expect((await db.jobs.countByStatus()).pending).toBe(300);
    expect(await db.kysely.selectFrom('agents').select('npub').execute()).toEqual([{ npub: 'n' }]);
    await db.close();
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('refuses a WITH that writes', async () => {
    const { path } = await closedFile();
    const db = await opened(path, { readonly: true });
    const write = sql`with n (id) as (values ('job 1')) delete from jobs where id in (select id from n)`;
    await failureOf(write.execute(db.kysely), 'READ_ONLY');
    expect((await db.jobs.countByStatus()).pending).toBe(300);
  });

  it('sees what a writer commits meanwhile', async () => {
    const writer = await openFresh();
    const reader = await opened(writer.path, { readonly: true });
    for (let i = 1; i <= 5; i++) {
      await writer.jobs.create(job(`job ${i}`));
      expect(await reader.jobs.list()).toHaveLength(i);
    }
  });
});

describe('an empty file', () => {
  it('becomes a database', async () => {
    const path = join(temporaryFolder(), 'pylon.db');
    writeFileSync(path, '');
    const db = await opened(path);
    await db.jobs.create(job('a'));
    expect(readOutside(path, 'select id from jobs')).toEqual([{ id: 'a' }]);
  });

  it('stays empty when it may not be migrated', async () => {
    const path = join(temporaryFolder(), 'pylon.db');
    writeFileSync(path, '');
    await failureOf(PylonDb.open(path, { migrate: false }), 'SCHEMA_MISMATCH');
    await failureOf(PylonDb.open(path, { readonly: true }), 'SCHEMA_MISMATCH');
    expect(statSync(path).size).toBe(0);
  });

  it('is not created when it may not be migrated', async () => {
    const path = join(temporaryFolder(), 'pylon.db');
    await failureOf(PylonDb.open(path, { migrate: false }), 'SCHEMA_MISMATCH');
    expect(existsSync(path)).toBe(false);
  });
});

describe('one file opened twice in one process', () => {
  it('stores everything that both write at once', async () => {
    const one = await openFresh();
    const two = await opened(one.path);
    await one.agents.upsert(agent('n'));
    const calls = Array.from({ length: 200 }, (_, i) =>
      (i % 2 === 0 ? one : two).agents.recordTick('n', { tick_number: i }),
    );
    await Promise.all(calls);
    expect((await two.agents.get('n'))?.tick_count).toBe(200);
    expect(valueOutside(one.path, 'select count(*) from tick_history')).toBe(200);
  });

  it('keeps its locks when the other is closed', async () => {
    const one = await openFresh();
    const two = await opened(one.path);
    await one.transaction(async (tx) => {
      await tx.jobs.create(job('a'));
      await two.close();
      expect(() => begunByAnotherProcess(one.path)).toThrow(/database is locked/);
    });
    expect(() => begunByAnotherProcess(one.path)).not.toThrow();
  });

  it('is created and migrated once', async () => {
    const path = join(temporaryFolder(), 'deep/er/pylon.db');
    const all = await Promise.all(Array.from({ length: 6 }, () => opened(path)));
    await Promise.all(all.map((db, i) => db.jobs.create(job(`job ${i}`))));
    expect(valueOutside(path, 'select count(*) from jobs')).toBe(6);
  });
});

/** Takes and leaves the write lock in a process of its own, as a second program does. */
function begunByAnotherProcess(path: string): void {
  const script = `
    const Database = require('better-sqlite3');
    const db = new Database(process.argv[1], { timeout: 0 });
    db.exec('begin immediate; rollback');
    db.close();`;
  execFileSync(process.execPath, ['--eval', script, path], { cwd: ROOT, stdio: 'pipe' });
}

describe('busyTimeoutMs', () => {
  it('holds for opening too', async () => {
    const { path } = await closedFile();
    writeOutside(path, 'pragma journal_mode = delete');
    const release = holdExclusively(path);
    const error = await failureOf(PylonDb.open(path, { busyTimeoutMs: 60 }), 'BUSY');
    expect(error.waitedMs).toBeGreaterThanOrEqual(60);
    const waiting = PylonDb.open(path, { busyTimeoutMs: 20_000 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    release();
    const db = await waiting;
    expect((await db.jobs.countByStatus()).pending).toBe(300);
    await db.close();
  });
});

function holdExclusively(path: string): () => void {
  const holder = new Database(path);
  onTestFinished(() => void holder.close());
  holder.exec('begin exclusive');
  return () => void holder.exec('rollback');
}
