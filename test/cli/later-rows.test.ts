import { closeSync, copyFileSync, openSync, writeSync } from 'node:fs';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { laterRows } from '../../src/cli/restore/later-rows.js';
import { job } from '../engine/fresh.js';
import { stored, testFile } from '../file.js';

async function withJobs(): Promise<string> {
  const { db, path } = await testFile();
  await Promise.all(Array.from({ length: 200 }, (_, i) => db.jobs.create(job(`job ${i}`))));
  await db.close();
  return path;
}

it('throws what the driver reports of a database that can not be read', async () => {
  const [path, kept] = [await withJobs(), await withJobs()];
  const [page] = stored(
    path,
    "select max(pageno) as pageno from dbstat where name = 'jobs' and pagetype = 'leaf'",
  );
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(4096, 0xff), 0, 4096, (Object(page).pageno - 1) * 4096);
  closeSync(file);

  expect(() => laterRows(path, kept)).toThrow(Database.SqliteError);
});

it('counts a row whose key another program left out', async () => {
  const path = await withJobs();
  const kept = `${path}.backup`;
  insertWithoutKey(path, 1);
  copyFileSync(path, kept);
  insertWithoutKey(path, 2);

  expect(laterRows(path, kept)).toEqual({ jobs: 1, earnings: 0, ticks: 0 });
});

function insertWithoutKey(path: string, kind: number): void {
  const db = new Database(path);
  db.prepare(
    "insert into jobs (kind, customer_pubkey, status, started_at, created_at) values (?, 'c', 'pending', 1, 1)",
  ).run(kind);
  db.close();
}
