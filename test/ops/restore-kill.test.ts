import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { CLI, pylonDb } from '../cli/command.js';
import { fuzzSeed, Random } from '../faults/random.js';
import { temporaryFolder } from '../temporary.js';

const SEED = fuzzSeed();
const KILLS = 30;

/** Rows that make a file of some MB, so that the copy takes a while. */
const JOBS = 3000;

/** Writes a database whose jobs all carry one word, and closes it. */
async function databaseOf(path: string, word: string): Promise<void> {
  const db = await PylonDb.open(path);
  const error_message = word.repeat(500);
  await Promise.all(
    Array.from({ length: JOBS }, (_, i) =>
      db.jobs.create({ id: `job ${i}`, kind: 1, customer_pubkey: word, error_message }),
    ),
  );
  await db.close();
}

/** The word of all rows. Throws for a file that holds rows of both, or is not whole. */
async function wordIn(path: string): Promise<string> {
  // Opening it is what the next start of a node does.
  await (await PylonDb.open(path)).close();
  const db = new Database(path);
  try {
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    const words = db
      .prepare<[], { word: string; jobs: number }>(
        'select customer_pubkey as word, count(*) as jobs from jobs group by 1',
      )
      .all();
    expect(words).toEqual([{ word: expect.any(String), jobs: JOBS }]);
    return words[0]?.word ?? '';
  } finally {
    db.close();
  }
}

it(`killed at ${KILLS} random moments, a restore leaves the old or the new database (seed ${SEED})`, async () => {
  const random = new Random(SEED);
  const folder = temporaryFolder();
  const [old, path, backup] = ['old.db', 'pylon.db', 'new.db'].map((name) => join(folder, name));
  if (old === undefined || path === undefined || backup === undefined) throw new Error('no paths');
  await databaseOf(old, 'old');
  const source = join(folder, 'source.db');
  await databaseOf(source, 'new');
  const db = await PylonDb.open(source);
  await db.backup(backup);
  await db.close();
  const found: Record<string, number> = {};
  let longest = await unkilled(old, path, backup);
  for (let kill = 0; kill < KILLS; kill++) {
    copyFileSync(old, path);
    // Its child too, as the death of the machine's power would.
    const run = spawn(process.execPath, [CLI, 'restore', backup, '--db', path], {
      detached: true,
      stdio: 'ignore',
    });
    const ended = once(run, 'close');
    // Most of the time goes into starting and verifying; the copy comes last.
    await sleep(longest * (0.4 + 0.6 * random.next()));
    try {
      process.kill(-(run.pid ?? 0), 'SIGKILL');
    } catch {
      // It was faster.
    }
    await ended;
    const word = await wordIn(path);
    found[word] = (found[word] ?? 0) + 1;
    longest = Math.max(longest, 1);
  }
  expect(Object.keys(found).every((word) => ['old', 'new'].includes(word))).toBe(true);
  expect(found['old']).toBeGreaterThan(0);

  copyFileSync(old, path);
  expect((await pylonDb(['restore', backup, '--db', path])).exitCode).toBe(0);
  expect(await wordIn(path)).toBe('new');
  expect(readdirSync(folder).filter((name) => name.endsWith('.partial'))).toEqual([]);
  console.log(`restore killed: ${JSON.stringify(found)}, 0 mixed`);
});

/** How long a restore takes here, in ms. */
async function unkilled(old: string, path: string, backup: string): Promise<number> {
  copyFileSync(old, path);
  const start = performance.now();
  expect((await pylonDb(['restore', backup, '--db', path])).exitCode).toBe(0);
  expect(await wordIn(path)).toBe('new');
  return performance.now() - start;
}
