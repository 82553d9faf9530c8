import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { migrations } from '../../migrations/index.js';
import { isPylonDbError, PylonDb } from '../../src/index.js';
import { Migrator } from '../../src/migrate/migrator.js';
import { rejection } from '../engine/failure.js';
import { writeOutside } from '../engine/outside.js';
import { temporaryFolder } from '../temporary.js';
import { allowAnyValue, foreignWrite, tryToWrite } from './foreign-writes.js';
import { freshTotals, rollupTotals } from './fresh-aggregate.js';

const ROOT = join(import.meta.dirname, '../..');
const SEED = Number(process.env['PYLON_FUZZ_SEED'] ?? Date.now() % 2 ** 31);

async function databaseMigratedTo(last: string): Promise<Buffer> {
  const db = new Database(':memory:');
  const operation = 'test';
  await new Migrator({ db, path: '', list: migrations, busyTimeoutMs: 0, operation }).up(last);
  const image = db.serialize();
  db.close();
  return image;
}

let migrated: Buffer;
let withoutRollups: Buffer;
let withoutHours: Buffer;

beforeAll(async () => {
  migrated = await databaseMigratedTo('005_pylon_db_earning_hours');
  withoutRollups = await databaseMigratedTo('002_pylon_db_indexes');
  withoutHours = await databaseMigratedTo('004_pylon_db_identity');
});

function connect(path: string | Buffer): Database.Database {
  const db = new Database(path);
  db.pragma('synchronous = off');
  allowAnyValue(db);
  onTestFinished(() => {
    db.close();
  });
  return db;
}

/** A file of its own with the contents of `image`. */
function fileOf(image: Buffer): string {
  const path = join(temporaryFolder(), 'pylon.db');
  const db = new Database(image);
  db.prepare('vacuum into ?').run(path);
  db.close();
  return path;
}

const sample = (count: number, seed: number): string[] =>
  fc.sample(foreignWrite, { numRuns: count, seed });

describe('the rollup tables', () => {
  it('equal a fresh aggregate after every step of a random walk of writes', () => {
    fc.assert(
      fc.property(fc.array(foreignWrite, { maxLength: 60, size: 'max' }), (writes) => {
        const db = new Database(migrated);
        allowAnyValue(db);
        try {
          for (const write of writes) {
            tryToWrite(db, write);
            expect(rollupTotals(db), write).toEqual(freshTotals(db));
          }
        } finally {
          db.close();
        }
      }),
      { numRuns: 300, seed: SEED },
    );
  });

  it('equal it after a rolled back transaction and a rolled back savepoint', () => {
    const db = connect(migrated);
    const [writes, undone] = [sample(40, SEED), sample(80, SEED + 1)];
    for (const write of writes) tryToWrite(db, write);
    const before = freshTotals(db);
    for (const [begin, end] of [
      ['begin', 'rollback'],
      ['savepoint s', 'rollback to s; release s'],
    ] as const) {
      db.exec(begin);
      for (const write of undone) {
        if (!/vacuum|rollback/.test(write)) tryToWrite(db, write);
      }
      db.exec(end);
      expect(rollupTotals(db)).toEqual(before);
    }
  });

  it('equal it after the writes of other processes', () => {
    const path = fileOf(migrated);
    const db = connect(path);
    for (let round = 0; round < 6; round++) {
      writeInAnotherProcess(path, sample(25, SEED + round));
      expect(rollupTotals(db), `seed ${SEED}, round ${round}`).toEqual(freshTotals(db));
    }
  });

  it.skipIf(!hasSqlite3())(
    'equal it after writes of the sqlite3 program (skipped without it on the PATH)',
    () => {
      const path = fileOf(migrated);
      const db = connect(path);
      for (let round = 0; round < 6; round++) {
        const script = ['pragma ignore_check_constraints = on', ...sample(25, SEED + round)];
        runSqlite3(path, `${script.join(';\n')};\n`);
        expect(rollupTotals(db), `seed ${SEED}, round ${round}`).toEqual(freshTotals(db));
      }
    },
  );

  it('are built right from the rows that stand when they are added', async () => {
    for (let round = 0; round < 12; round++) {
      const path = fileOf(round % 2 === 0 ? withoutRollups : withoutHours);
      const db = connect(path);
      for (const write of sample(round * 8, SEED + round)) tryToWrite(db, write);
      const expected = freshTotals(db);
      await (await PylonDb.open(path)).close();
      expect(rollupTotals(db), `seed ${SEED}, round ${round}`).toEqual(expected);
      for (const write of sample(10, SEED - round)) tryToWrite(db, write);
      expect(rollupTotals(db), `seed ${SEED}, round ${round}`).toEqual(freshTotals(db));
    }
  });
});

describe('db.jobs.countByStatus, db.earnings.total and db.earnings.summary', () => {
  it('agree with the rows after every foreign write, or throw naming a bad one', async () => {
    const path = fileOf(migrated);
    const outside = connect(path);
    const db = await PylonDb.open(path);
    for (const [step, write] of sample(700, SEED).entries()) {
      tryToWrite(outside, write);
      await expectAnswersToFit(db, outside, `seed ${SEED}, step ${step}: ${write}`);
    }
    await db.close();
  });

  it.each([
    ['no rollups yet', () => withoutRollups],
    ['no earnings by the hour yet', () => withoutHours],
  ])('do so on a file that is open for reading and has %s', async (_, image) => {
    const path = fileOf(image());
    const outside = connect(path);
    const db = await PylonDb.open(path, { readonly: true });
    for (const [step, write] of sample(300, SEED + 1).entries()) {
      tryToWrite(outside, write);
      await expectAnswersToFit(db, outside, `seed ${SEED}, step ${step}: ${write}`);
    }
    await db.close();
  });

  it('do so after services and foreign writers took turns', async () => {
    const path = fileOf(migrated);
    const outside = connect(path);
    const db = await PylonDb.open(path);
    for (const [step, write] of sample(150, SEED + 2).entries()) {
      tryToWrite(outside, write);
      const id = `own-${step % 20}`;
      await Promise.allSettled([
        db.jobs.create({ id, kind: 1, customer_pubkey: 'c' }),
        db.jobs.completeWithPayment(`own-${(step * 7) % 20}`, { price_msats: step }),
        db.earnings.record({ id: `e-${step}`, amount_msats: step, source: 'tip', job_id: 'a' }),
        db.jobs.claimNext(),
      ]);
      await expectAnswersToFit(db, outside, `seed ${SEED}, step ${step}: ${write}`);
      expect(rollupTotals(outside), `seed ${SEED}, step ${step}`).toEqual(freshTotals(outside));
    }
    await db.close();
  });

  it('find a bad amount whose time is not a number either', async () => {
    const path = fileOf(migrated);
    writeOutside(
      path,
      `insert into earnings (id, amount_msats, source, earned_at) values ('bad', 'abc', 'tip', 'soon')`,
    );
    const db = await PylonDb.open(path);
    onTestFinished(() => db.close());
    expect(await rejection(db.earnings.total())).toMatchObject({ code: 'CORRUPT_ROW', key: 'bad' });
  });

  it('give no minus zero for less than a sat lost', async () => {
    const path = fileOf(migrated);
    writeOutside(path, "insert into earnings (id, amount_msats, source) values ('a', -5, 'job')");
    const db = await PylonDb.open(path);
    onTestFinished(() => db.close());
    expect((await db.earnings.summary()).total_sats).toBe(0);
  });

  it('give a total that fits although a part of the way to it does not', async () => {
    const path = fileOf(migrated);
    writeOutside(
      path,
      `insert into earnings (id, amount_msats, source) values
        ('a', 9007199254740991, 'job'), ('b', 1, 'tip'), ('c', -1, 'other')`,
    );
    const db = await PylonDb.open(path);
    onTestFinished(() => db.close());
    expect(await db.earnings.total()).toBe(Number.MAX_SAFE_INTEGER);
  });
});

async function expectAnswersToFit(db: PylonDb, outside: Database.Database, step: string) {
  const expected = freshTotals(outside);
  const counts = await db.jobs.countByStatus().catch((error: unknown) => error);
  if (expected.jobs['invalid'] === 0n) {
    const { invalid: _, ...jobs } = expected.jobs;
    expect(counts, step).toEqual(asNumbers(jobs));
  } else {
    expect(named(counts), step).toBeOneOf(badKeys(outside, 'jobs', BAD_JOB));
  }
  const summary = await db.earnings.summary().catch((error: unknown) => error);
  const total = await db.earnings.total().catch((error: unknown) => error);
  if (expected.earnings['invalid'] !== 0n) {
    const keys = badKeys(outside, 'earnings', BAD_EARNING);
    expect(named(summary), step).toBeOneOf(keys);
    expect(named(total), step).toBeOneOf(keys);
  } else if (sumsFit(expected.amounts)) {
    expect(withoutMinusZero(summary), step).toEqual({
      total_msats: Number(sum(expected.amounts)),
      total_sats: Number(sum(expected.amounts) / 1000n),
      job_count: Number(expected.paidJobs),
      by_source: asNumbers(expected.amounts),
    });
    expect(total, step).toBe(Number(sum(expected.amounts)));
  } else {
    expect(isPylonDbError(summary, 'OUT_OF_RANGE'), step).toBe(true);
    expect(isPylonDbError(total, 'OUT_OF_RANGE'), step).toBe(true);
  }
}

// See "give no minus zero": a test of its own, so that the walk can go on behind it.
function withoutMinusZero(summary: unknown): unknown {
  return JSON.parse(JSON.stringify(summary));
}

const BAD_JOB = `status not in ('pending', 'processing', 'completed', 'failed', 'cancelled')`;
const BAD_EARNING = `typeof(amount_msats) <> 'integer' or source not in ('job', 'tip', 'other')
  or amount_msats not between -9007199254740991 and 9007199254740991`;

/** The row that an error names as bad. */
function named(error: unknown): string | undefined {
  const known = isPylonDbError(error, 'CORRUPT_ROW') || isPylonDbError(error, 'OUT_OF_RANGE');
  return known ? error.key : `not an error about a row: ${String(error)}`;
}

function badKeys(db: Database.Database, table: string, bad: string): string[] {
  const keys = db.prepare(`select id from ${table} where ${bad}`).pluck().all();
  return keys.flatMap((key) => (key === null ? ['NULL', 'null'] : [String(key)]));
}

const asNumbers = (totals: Readonly<Record<string, bigint>>) =>
  Object.fromEntries(Object.entries(totals).map(([name, value]) => [name, Number(value)]));

const sum = (amounts: Readonly<Record<string, bigint>>): bigint =>
  Object.values(amounts).reduce((total, amount) => total + amount, 0n);

/** Whether every source's sum, and each sum on the way to the total, is a safe integer. */
function sumsFit({ job = 0n, tip = 0n, other = 0n }: Readonly<Record<string, bigint>>): boolean {
  const sums = [job, tip, other, job + tip + other];
  return sums.every((n) => n <= Number.MAX_SAFE_INTEGER && n >= Number.MIN_SAFE_INTEGER);
}

const WRITER = `
  const Database = require('better-sqlite3');
  const db = new Database(process.argv[1]);
  db.pragma('synchronous = off');
  db.pragma('ignore_check_constraints = on');
  for (const sql of JSON.parse(require('node:fs').readFileSync(0, 'utf8'))) {
    try { db.exec(sql); } catch (error) {
      if (!/CONSTRAINT|MISMATCH/.test(error.code)) throw error;
    }
  }
  db.close();`;

function writeInAnotherProcess(path: string, statements: readonly string[]): void {
  const input = JSON.stringify(statements);
  execFileSync(process.execPath, ['--eval', WRITER, path], { cwd: ROOT, input });
}

function hasSqlite3(): boolean {
  try {
    execFileSync('sqlite3', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function runSqlite3(path: string, script: string): void {
  try {
    execFileSync('sqlite3', [path], { input: script, stdio: ['pipe', 'pipe', 'pipe'] });
  } catch (error) {
    // Its exit code says that a statement broke a rule of the schema; anything else is our mistake.
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
    const others = said
      .split('\n')
      .filter((line) => /error/i.test(line) && !/constraint|mismatch/i.test(line));
    if (others.length > 0) throw error;
  }
}
