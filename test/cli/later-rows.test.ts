import { closeSync, openSync, writeSync } from 'node:fs';
import Database from 'better-sqlite3';
import { expect, it, onTestFinished } from 'vitest';
import { laterRows } from '../../src/cli/restore/later-rows.js';
import { job } from '../engine/fresh.js';
import { stored, testFile } from '../file.js';

async function withJobs(): Promise<string> {
  const { db, path } = await testFile();
  await Promise.all(Array.from({ length: 200 }, (_, i) => db.jobs.create(job(`job ${i}`))));
  await db.close();
  return path;
}

it('lets go of the backup where the database can not be read', async () => {
  const [path, kept] = [await withJobs(), await withJobs()];
  const [page] = stored(
    path,
    "select max(pageno) as pageno from dbstat where name = 'jobs' and pagetype = 'leaf'",
  );
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(4096, 0xff), 0, 4096, (Object(page).pageno - 1) * 4096);
  closeSync(file);
  const [live, backup] = [new Database(path), new Database(kept)];
  onTestFinished(() => void live.close());

  expect(() => laterRows(live, backup)).toThrow(Database.SqliteError);

  backup.close();
  expect(backup.open).toBe(false);
});
