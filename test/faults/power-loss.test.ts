import { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { freshTotals, rollupTotals } from '../migrate/fresh-aggregate.js';
import { temporaryFolder } from '../temporary.js';
import { Program } from './program.js';
import { fuzzSeed, Random } from './random.js';
import { rounds, SOAK_TIMEOUT_MS } from './rounds.js';
import { reported } from './table.js';

const SEED = fuzzSeed();

/** Units in the WAL: ten rounds of turns, few enough for no checkpoint. */
const UNITS = 390;

/** How often each kind of damage is done. */
const TIMES = 200;

const writer = new Program(join(import.meta.dirname, 'power-loss-writer.ts'));

it(`a WAL that was cut at a random point reopens as a prefix of whole units (seed ${SEED})`, {
  timeout: SOAK_TIMEOUT_MS,
}, async () => {
  const random = new Random(SEED);
  const lost = await lostPower();
  const found: number[] = [];
  for (const _ of rounds(TIMES)) {
    const length = random.int(lost.wal.length + 1);
    found.push(unitsAfter(lost, lost.wal.subarray(0, length)));
  }
  expect(new Set(found).size).toBeGreaterThan(TIMES / 4);
  expect(unitsAfter(lost, lost.wal)).toBe(UNITS);
  reported('power loss: WAL cut short', {
    tried: `${found.length} random points of a WAL with ${UNITS} units`,
    figure: `always a prefix of whole units, from ${Math.min(...found)} to ${Math.max(...found)}`,
  });
});

it(`a WAL with a flipped bit reopens as a prefix of whole units (seed ${SEED})`, {
  timeout: SOAK_TIMEOUT_MS,
}, async () => {
  const random = new Random(SEED);
  const lost = await lostPower();
  const found: number[] = [];
  for (const _ of rounds(TIMES)) {
    const wal = Buffer.from(lost.wal);
    const at = random.int(wal.length);
    wal[at] = (wal[at] ?? 0) ^ (1 << random.int(8));
    found.push(unitsAfter(lost, wal));
  }
  expect(new Set(found).size).toBeGreaterThan(TIMES / 4);
  reported('power loss: WAL with a flipped bit', {
    tried: `${found.length} random bits of a WAL with ${UNITS} units`,
    figure: `always a prefix of whole units, from ${Math.min(...found)} to ${Math.max(...found)}`,
  });
});

interface LostPower {
  /** The database as it was before the first unit, with nothing checkpointed into it since. */
  readonly database: string;
  readonly wal: Buffer;
}

/** Prepares a file, and lets a process write all units into its WAL and die. */
async function lostPower(): Promise<LostPower> {
  const path = join(temporaryFolder(), 'pylon.db');
  const db = await PylonDb.open(path);
  await db.agents.upsert({ npub: 'a', name: '', lifecycle_state: 'active' });
  for (let n = 1; n < UNITS; n += 3) {
    await db.jobs.create({ id: String(n), kind: 1, customer_pubkey: 'c', status: 'processing' });
  }
  await db.close();
  const before = statSync(path);
  const { lines, signal, stderr } = await writer.run([path, UNITS]);
  expect({ lines, signal, stderr }).toEqual({ lines: ['done'], signal: 'SIGKILL', stderr: '' });
  expect(statSync(path)).toMatchObject({ size: before.size, mtimeMs: before.mtimeMs });
  return { database: path, wal: readFileSync(`${path}-wal`) };
}

/** Opens the database with another WAL, and gives how many units stand in it: the first so many. */
function unitsAfter({ database }: LostPower, wal: Buffer): number {
  const path = `${database}.after`;
  copyFileSync(database, path);
  writeFileSync(`${path}-wal`, wal);
  const db = new Database(path);
  try {
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    expect(rollupTotals(db)).toEqual(freshTotals(db));
    const units = wholeUnits(db);
    expect(units).toEqual(units.map((_, i) => i));
    return units.length;
  } finally {
    db.close();
  }
}

/** The numbers of all units that left anything, in order. Throws for half a unit. */
function wholeUnits(db: Database.Database): number[] {
  const numbers = (sql: string) => db.prepare<[], number>(sql).pluck().all();
  const ticks = numbers('select tick_number from tick_history');
  expect(numbers('select tick_count from agents')).toEqual([ticks.length]);
  const paid = numbers("select cast(id as integer) from jobs where status = 'completed'");
  const earned = numbers('select cast(job_id as integer) from earnings');
  expect(earned.sort(byNumber)).toEqual(paid.sort(byNumber));
  const ones = numbers("select kind from jobs where id like '%-one'");
  const twos = numbers("select kind from jobs where id like '%-two'");
  expect(ones.sort(byNumber)).toEqual(twos.sort(byNumber));
  return [...ticks, ...paid, ...ones].sort(byNumber);
}

const byNumber = (a: number, b: number) => a - b;
