import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { expect, it, onTestFinished } from 'vitest';
import { migrations } from '../../migrations/index.js';
import { expectTrueManifest, reading, temporariesIn } from '../backup/backups.js';
import { built } from '../backup/built.js';
import { freshTotals, rollupTotals } from '../migrate/fresh-aggregate.js';
import { migratedFile } from '../migrated-file.js';
import { temporaryFolder } from '../temporary.js';
import { reported } from './table.js';

const BACKUPS = 10;

/** What the file holds at least, in bytes: a copy of it takes long enough to be disturbed. */
const LEAST_BYTES = 100_000_000;

/** Jobs that make so many: few and long ones, so that looking through them takes no longer than it must. */
const BALLAST = 4200;
const BALLAST_TEXT_BYTES = 12_000;

/** How long the writer runs alone, for comparison. */
const ALONE_MS = 3000;

const [writer = '', maker = ''] = await built(
  join(import.meta.dirname, 'never-rests.ts'),
  join(import.meta.dirname, 'makes-backups.ts'),
);

interface Made {
  readonly path: string;
  readonly acknowledged: number;
  readonly ms: number;
}

interface Latencies {
  readonly calls: number;
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
}

it(`${BACKUPS} backups alongside a writer that never rests: none torn, no acknowledged row missing`, async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'pylon.db');
  const counter = join(folder, 'acknowledged');
  await prepare(path);
  const writing = start(writer, path, counter);
  while (!existsSync(counter) || statSync(counter).size === 0) await sleep(10);
  await latenciesOf(writing);
  await sleep(ALONE_MS);
  const alone = await latenciesOf(writing);

  const destination = temporaryFolder();
  const making = start(maker, path, destination, counter, String(BACKUPS));
  const made: Made[] = [];
  const torn: unknown[] = [];
  let missing = 0;
  let smallest = Number.POSITIVE_INFINITY;
  for await (const line of createInterface(making.stdout ?? process.stdin)) {
    const backup: Made = JSON.parse(line);
    made.push(backup);
    smallest = Math.min(smallest, statSync(backup.path).size);
    try {
      missing += missingIn(backup);
    } catch (error) {
      torn.push(error);
    }
    for (const suffix of ['', '.json']) rmSync(backup.path + suffix);
  }
  const during = await latenciesOf(writing);
  expect(writing.exitCode).toBe(null);

  expect(torn).toEqual([]);
  expect({ backups: made.length, missing }).toEqual({ backups: BACKUPS, missing: 0 });
  expect(smallest).toBeGreaterThan(LEAST_BYTES);
  // It wrote all the while: each backup began after many more calls than the one before.
  expect(made.every((backup, i) => backup.acknowledged > (made[i - 1]?.acknowledged ?? 0))).toBe(
    true,
  );
  expect(temporariesIn(destination)).toEqual([]);
  reported('backups alongside a writer that never rests', {
    tried: `${BACKUPS} backups of ${Math.round(smallest / 1e6)} MB, ${during.calls.toLocaleString('en')} writes meanwhile`,
    figure: `0 torn, 0 acknowledged rows missing; p99 of a write ${during.p99.toFixed(1)} ms (alone ${alone.p99.toFixed(1)}), longest ${Math.round(during.longest)} ms`,
  });
}, 900_000);

async function prepare(path: string): Promise<void> {
  migratedFile(path);
  const db = new Database(path);
  db.prepare(
    `with recursive n (i) as (select 1 union all select i + 1 from n where i < ?)
     insert into jobs (id, kind, customer_pubkey, status, started_at, input_hash)
     select 'ballast ' || i, 2, 'c', 'pending', i, hex(randomblob(?)) from n`,
  ).run(BALLAST, BALLAST_TEXT_BYTES);
  db.close();
}

function start(program: string, ...args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(async () => {
    const isRunning = child.exitCode === null && child.signalCode === null;
    const ended = isRunning ? once(child, 'close') : undefined;
    child.kill('SIGKILL');
    await ended;
  });
  return child;
}

/** Of the calls since it was asked before. */
async function latenciesOf({ stdin, stdout }: ChildProcess): Promise<Latencies> {
  if (stdin === null || stdout === null) throw new Error('The writer has no pipes');
  const answer = once(stdout, 'data');
  stdin.write('\n');
  return JSON.parse(String(await answer));
}

interface Range {
  readonly first: number;
  readonly last: number;
  readonly rows: number;
}

/**
 * How many numbers it lacks that were acknowledged before. Throws for a backup that no moment of
 * the database looked like.
 */
function missingIn({ path, acknowledged }: Made): number {
  expect(expectTrueManifest(path).migrations).toEqual(Object.keys(migrations));
  return reading(path, (db) => {
    const range = (number: string, from: string) =>
      db
        .prepare<[], Range>(
          `select min(${number}) as first, max(${number}) as last, count(distinct ${number}) as rows
           from ${from}`,
        )
        .get() ?? { first: 0, last: -1, rows: 0 };
    const jobs = range('cast(id as integer)', 'jobs where kind = 1');
    const paid = range('price_msats', "jobs where kind = 1 and status = 'completed'");
    const earnings = range('amount_msats', 'earnings');
    const ticks = range('tick_number', 'tick_history');
    for (const { first, last, rows } of [jobs, paid, earnings, ticks]) {
      expect(first).toBe(jobs.first);
      expect(rows).toBe(last - first + 1);
    }
    expect(earnings).toEqual(paid);
    expect(paid.last).toBeLessThanOrEqual(jobs.last);
    expect(ticks.last).toBeLessThanOrEqual(paid.last);
    expect(db.prepare('select tick_count from agents').pluck().get()).toBe(ticks.last + 1);
    expect(rollupTotals(db)).toEqual(freshTotals(db));
    return Math.max(0, acknowledged - ticks.last);
  });
}
