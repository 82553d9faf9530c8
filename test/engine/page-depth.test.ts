import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { migrations } from '../../migrations/index.js';
import { PylonDb } from '../../src/index.js';
import { Migrator } from '../../src/migrate/migrator.js';
import { temporaryFolder } from '../temporary.js';

const ROWS = 100_000;

/** What a page may cost more at the far end, for noise; a walk there from the start costs 50 times. */
const MOST_TIMES_DEARER = 10;

/** Calls of which the fastest counts: one of them had the processor for itself. */
const LOOKS = 50;

let filled: Buffer;

beforeAll(async () => {
  const db = new Database(':memory:');
  const operation = 'test';
  await new Migrator({ db, path: '', list: migrations, busyTimeoutMs: 0, operation }).up();
  db.exec(`
    insert into jobs (id, kind, customer_pubkey, status, started_at, created_at)
      with recursive n(i) as (select 1 union all select i + 1 from n where i < ${ROWS})
      select 'job' || i, 1, 'customer' || i % 5000, 'completed', i, i from n;
    insert into earnings (id, amount_msats, source, earned_at)
      select 'earn' || rowid, 5, 'tip', created_at from jobs;
    insert into agents (npub, name, lifecycle_state) values ('n', 'N', 'active');
    insert into tick_history (agent_npub, tick_number) select 'n', created_at from jobs;`);
  filled = db.serialize();
  db.close();
});

async function open(): Promise<PylonDb> {
  const path = join(temporaryFolder(), 'pylon.db');
  const source = new Database(filled);
  source.prepare('vacuum into ?').run(path);
  source.close();
  const db = await PylonDb.open(path);
  onTestFinished(() => db.close());
  return db;
}

async function fastestMs(call: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < LOOKS; i++) {
    const start = performance.now();
    await call();
    times.push(performance.now() - start);
  }
  return Math.min(...times);
}

type Page = (db: PylonDb, last: number | undefined) => Promise<readonly unknown[]>;

const limit = 20;
const pageAfter = (at: number | undefined, id: string) =>
  at === undefined ? {} : { before: { created_at: at, earned_at: at, tick_number: at, id } };

async function expectDepthNotToMatter(page: Page): Promise<void> {
  const db = await open();
  const first = await fastestMs(() => page(db, undefined));
  const last = await fastestMs(() => page(db, 30));
  expect(await page(db, 30)).toHaveLength(limit);
  expect(last).toBeLessThan(first * MOST_TIMES_DEARER + 0.5);
}

describe(`a page at the far end of ${ROWS} rows costs what the first one does`, () => {
  it.each<[string, Page]>([
    ['jobs.list', (db, at) => db.jobs.list({ limit, ...pageAfter(at, `job${at}`) })],
    [
      'jobs.listByStatus',
      (db, at) => db.jobs.listByStatus('completed', { limit, ...pageAfter(at, `job${at}`) }),
    ],
    [
      'agents.tickHistory',
      (db, at) =>
        db.agents.tickHistory('n', {
          limit,
          ...(at === undefined ? {} : { before: { tick_number: at, id: at } }),
        }),
    ],
  ])('%s', async (_, page) => {
    await expectDepthNotToMatter(page);
  });

  it('earnings.inRange', async () => {
    await expectDepthNotToMatter((db, at) =>
      db.earnings.inRange(0, ROWS, { limit, ...pageAfter(at, `earn${at}`) }),
    );
  });
});
