import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { fuzzSeed, Random } from '../faults/random.js';
import { temporaryFolder } from '../temporary.js';
import { CLI, pylonDb } from './command.js';

const SEED = fuzzSeed();
const KILLS = 12;

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

/** What shows in the folder that a restore has come so far; the first is there from its start. */
const AIMS: readonly (readonly [moment: string, sign: (names: readonly string[]) => boolean])[] = [
  ['at any time', () => true],
  ['saving', (names) => names.some((name) => name.includes('.before-restore-'))],
  ['copying', (names) => names.some(isSafetyCopy) && names.includes('pylon.db-journal')],
];

const isSafetyCopy = (name: string) => /^pylon\.db\.before-restore-\w+$/.test(name);

/** How long after its sign a kill comes at the most, in ms; at any time, all the restore takes. */
const AFTER_SIGN_MS = 5;

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
  const lastsMs = await unkilled(old, path, backup);
  // SQLite undoes what is half copied when the file is opened.
  const found = { old: 0, new: 0, mixed: 0, faster: 0, 'half copied': 0 };
  const isMissing = () => found.old + found.new < KILLS || !found.old || !found['half copied'];
  // Which moments a kill meets is for the machine to say: it goes on until each was met.
  for (let tried = 0; found.mixed === 0 && isMissing(); tried++) {
    removeRemains(folder);
    copyFileSync(old, path);
    const [moment = '', sign = () => true] = AIMS[tried % AIMS.length] ?? [];
    // Its child too, as the death of the machine's power would.
    const run = spawn(process.execPath, [CLI, 'restore', backup, '--replace-other', '--db', path], {
      detached: true,
      stdio: 'ignore',
    });
    const ended = once(run, 'close');
    while (run.exitCode === null && !sign(readdirSync(folder))) await sleep(1);
    await sleep(random.next() * (moment === 'at any time' ? lastsMs : AFTER_SIGN_MS));
    try {
      process.kill(-(run.pid ?? 0), 'SIGKILL');
    } catch {
      // It was faster.
    }
    await ended;
    if (run.exitCode === null && existsSync(`${path}-journal`)) found['half copied'] += 1;
    const word = await wordIn(path);
    if (run.exitCode === 0) found.faster += 1;
    else if (word === 'old' || word === 'new') found[word] += 1;
    else found.mixed += 1;
  }
  console.log(`restore killed: ${JSON.stringify(found)}`);
  expect(found).toMatchObject({ mixed: 0 });

  copyFileSync(old, path);
  expect((await pylonDb(['restore', backup, '--replace-other', '--db', path])).exitCode).toBe(0);
  expect(await wordIn(path)).toBe('new');
  expect(readdirSync(folder).filter((name) => name.endsWith('.partial'))).toEqual([]);
});

/** What a restore that was killed leaves next to the database, so that its signs show again. */
function removeRemains(folder: string): void {
  const remains = readdirSync(folder).filter((name) =>
    /before-restore|restore\.json|^\./.test(name),
  );
  for (const name of remains) rmSync(join(folder, name));
}

/** How long a restore takes here, in ms. */
async function unkilled(old: string, path: string, backup: string): Promise<number> {
  copyFileSync(old, path);
  const start = performance.now();
  expect((await pylonDb(['restore', backup, '--replace-other', '--db', path])).exitCode).toBe(0);
  expect(await wordIn(path)).toBe('new');
  return performance.now() - start;
}
