import { statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { expect, it, onTestFinished } from 'vitest';
import { pylonDb } from '../cli/command.js';
import { job, openFresh } from '../engine/fresh.js';
import { reported } from './table.js';

/** What the WAL is cut back to, in bytes (`journal_size_limit`), and a checkpoint's pages besides. */
const WAL_KEPT_BYTES = 32 * 1024 * 1024 + 4000 * 4096;

/** Rows that make a WAL several times larger than a checkpoint would leave it. */
const JOBS = 12_000;
const LONG = 'x'.repeat(4000);

it('a reader pinned for the whole run makes the WAL grow, which is reported, and ends with it', async () => {
  const db = await openFresh();
  const reader = new Database(db.path, { readonly: true });
  onTestFinished(() => void reader.close());
  reader.exec('begin');
  expect(reader.prepare('select count(*) from jobs').pluck().get()).toBe(0);

  await createJobs('pinned');
  const pinned = walBytes();
  expect(pinned).toBeGreaterThan(WAL_KEPT_BYTES);
  expect(reader.prepare('select count(*) from jobs').pluck().get()).toBe(0);
  const told1 = await pylonDb(['info', '--json', '--db', db.path]);
  expect(JSON.parse(told1.stdout)).toMatchObject({ wal_bytes: pinned });

  reader.exec('commit');
  await createJobs('free');
  await createJobs('later');
  const free = walBytes();
  expect(free).toBeLessThanOrEqual(WAL_KEPT_BYTES);
  expect(await db.jobs.countByStatus()).toMatchObject({ pending: 3 * JOBS });
  reported('long reader, huge WAL', {
    tried: `a reader pinned over ${JOBS.toLocaleString('en')} commits of 4 kB`,
    figure: `WAL ${mb(pinned)} MB, reported by \`info\`; ${mb(free)} MB after the reader went`,
  });

  async function createJobs(prefix: string): Promise<void> {
    for (let i = 0; i < JOBS; i += 500) {
      const calls = Array.from({ length: 500 }, (_, j) =>
        db.jobs.create({ ...job(`${prefix} ${i + j}`), error_message: LONG }),
      );
      await Promise.all(calls);
    }
  }

  function walBytes(): number {
    return statSync(`${db.path}-wal`).size;
  }
});

const mb = (bytes: number) => Math.round(bytes / 1024 / 1024);
