import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isPylonDbError, PylonDb } from '../../src/index.js';
import { failureOf, rejection } from '../engine/failure.js';
import { agent, job, openFresh } from '../engine/fresh.js';
import { readOutside, valueOutside } from '../engine/outside.js';
import { temporaryFolder } from '../temporary.js';
import { Program } from './program.js';
import { leaveRoom } from './writer.js';

const filler = new Program(join(import.meta.dirname, 'fills-the-disk.ts'));

/** Far more than any test stores. */
const NO_LIMIT = 1_000_000;

/** Pages that are left: some calls of each test fit, and some don't. */
const PAGES_LEFT = 20;

/** Enough to need more pages than are left. */
const CALLS = 300;

/** A job so long that a page holds only a few. */
const longJob = (id: string) => ({ ...job(id), customer_pubkey: 'x'.repeat(900) });

/** Ticks and creates in one turn; what was acknowledged, and the errors of the rest. */
async function fill(db: PylonDb, prefix: string) {
  const calls = Array.from({ length: CALLS }, (_, i) =>
    i % 2 === 0
      ? db.jobs.create(longJob(`${prefix} ${i}`)).then(({ id }) => ({ job: id, tick: undefined }))
      : db.agents
          .recordTick('n', { tick_number: i, actions_json: `"${'x'.repeat(900)}"` })
          .then(({ id }) => ({ job: undefined, tick: id })),
  );
  const jobs: string[] = [];
  const ticks: number[] = [];
  const errors: unknown[] = [];
  for (const ended of await Promise.allSettled(calls)) {
    if (ended.status === 'rejected') errors.push(ended.reason);
    else if (ended.value.job !== undefined) jobs.push(ended.value.job);
    else if (ended.value.tick !== undefined) ticks.push(ended.value.tick);
  }
  return { jobs, ticks, errors };
}

const storedJobs = (path: string) =>
  readOutside(path, 'select id from jobs order by id').map((row) => Object(row).id);
const storedTicks = (path: string) =>
  readOutside(path, 'select id from tick_history order by id').map((row) => Object(row).id);

/** Every unit is whole: the counts that go with ticks and jobs are theirs. */
function expectWholeUnits(path: string): void {
  expect(valueOutside(path, 'select tick_count from agents')).toBe(storedTicks(path).length);
  const counted = "select count from pylon_db_job_totals where status = 'pending'";
  expect(valueOutside(path, counted)).toBe(storedJobs(path).length);
  expect(valueOutside(path, 'pragma integrity_check')).toBe('ok');
}

describe('a full disk', () => {
  it('rejects only what does not fit, and has stored what it acknowledged', async () => {
    const db = await openFresh();
    await db.agents.upsert(agent('n'));
    leaveRoom(db, PAGES_LEFT);
    const { jobs, ticks, errors } = await fill(db, 'job');
    expect(jobs.length + ticks.length).toBeGreaterThan(0);
    expect(errors.length).toBeGreaterThan(0);
    for (const error of errors) expect(isPylonDbError(error, 'DISK_FULL')).toBe(true);
    expect(storedJobs(db.path)).toEqual(jobs.sort());
    expect(storedTicks(db.path)).toEqual(ticks.sort((a, b) => a - b));
    expectWholeUnits(db.path);
  });

  it('is over when there is room again', async () => {
    const db = await openFresh();
    await db.agents.upsert(agent('n'));
    leaveRoom(db, PAGES_LEFT);
    const before = await fill(db, 'before');
    expect(await db.jobs.list({ limit: 1 })).toHaveLength(1);
    leaveRoom(db, NO_LIMIT);
    const after = await fill(db, 'after');
    expect(after.errors).toEqual([]);
    expect(storedJobs(db.path)).toEqual([...before.jobs, ...after.jobs].sort());
    expectWholeUnits(db.path);
  });

  it('rejects a lone call with an error that says what to do', async () => {
    const db = await openFresh();
    leaveRoom(db, 0);
    let i = 0;
    const endless = forEver(() => db.jobs.create(longJob(`job ${i++}`)));
    const error = await failureOf(endless, 'DISK_FULL');
    expect(error.operation).toBe('jobs.create');
    expect(error.hint).toMatch(/space/);
    expect(storedJobs(db.path)).toHaveLength(i - 1);
  });

  it('ends a transaction that SQLite gave up, also when it is swallowed', async () => {
    const db = await openFresh();
    await db.jobs.create(job('before'));
    const kysely = db.kysely.withTables<{ notes: { text: string } }>();
    await kysely.schema.createTable('notes').addColumn('text', 'text').execute();
    leaveRoom(db, PAGES_LEFT);
    const later: unknown[] = [];
    const call = db.transaction(async (tx) => {
      const notes = tx.kysely.withTables<{ notes: { text: string } }>();
      const note = () =>
        notes
          .insertInto('notes')
          .values({ text: 'x'.repeat(900) })
          .execute();
      await failureOf(forEver(note), 'DISK_FULL');
      later.push(await rejection(tx.jobs.complete('before', { price_msats: 1 })));
      later.push(await rejection(tx.kysely.deleteFrom('jobs').execute()));
    });
    await failureOf(call, 'DISK_FULL');
    for (const error of later) expect(isPylonDbError(error, 'ABORTED')).toBe(true);
    expect(valueOutside(db.path, 'select count(*) from notes')).toBe(0);
    expect(readOutside(db.path, 'select id, status from jobs')).toEqual([
      { id: 'before', status: 'pending' },
    ]);
    leaveRoom(db, NO_LIMIT);
    await db.transaction(async (tx) => void (await tx.jobs.create(job('later'))));
    expect(storedJobs(db.path)).toEqual(['before', 'later']);
  });

  it('leaves nothing of the call in a transaction that SQLite did not give up', async () => {
    const db = await openFresh();
    await db.agents.upsert(agent('n'));
    leaveRoom(db, PAGES_LEFT);
    const { jobs, ticks, transaction } = await fillInTransaction(db);
    // Which of the two it is, SQLite decides by the statement; never a part of it.
    const isWhole = transaction === undefined;
    if (!isWhole) expect(isPylonDbError(transaction, 'DISK_FULL')).toBe(true);
    expect(storedJobs(db.path)).toEqual(isWhole ? jobs : []);
    expect(storedTicks(db.path)).toEqual(isWhole ? ticks : []);
    expectWholeUnits(db.path);
  });
});

/** Calls again and again until it throws. */
async function forEver(call: () => Promise<unknown>): Promise<never> {
  for (;;) await call();
}

/** Swallows every error of a call in one transaction; what resolved, and how the whole ended. */
async function fillInTransaction(db: PylonDb) {
  const jobs: string[] = [];
  const ticks: number[] = [];
  let failed = 0;
  const call = db.transaction(async (tx) => {
    for (let i = 0; failed < 10; i++) {
      const tick = { tick_number: i, actions_json: `"${'x'.repeat(900)}"` };
      try {
        jobs.push((await tx.jobs.create(longJob(`job ${String(i).padStart(4, '0')}`))).id);
        ticks.push((await tx.agents.recordTick('n', tick)).id);
      } catch {
        failed += 1;
      }
    }
  });
  const transaction = await call.catch((error: unknown) => error);
  return { jobs, ticks, transaction };
}

describe('files that may not grow', () => {
  it.each(['1', '40'])('lose nothing that was acknowledged (%s calls a turn)', async (calls) => {
    const path = join(temporaryFolder(), 'pylon.db');
    const db = await PylonDb.open(path);
    await db.agents.upsert(agent('n'));
    await db.close();
    // The limit is in units of 512 or 1024 bytes: room for the file and a WAL of some turns.
    const limited = ['-c', 'ulimit -f 1000 && exec "$0" "$@"', process.execPath];
    const { stdout, stderr } = spawnSync('sh', [...limited, await filler.path, path, calls], {
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    const { acknowledged, codes, tick_count } = JSON.parse(stdout);
    expect(codes.length).toBeGreaterThan(0);
    for (const code of codes) expect(['DISK_FULL', 'ABORTED']).toContain(code);
    const stored = [
      ...storedJobs(path),
      ...readOutside(path, 'select tick_number as n from tick_history').map((row) => Object(row).n),
    ];
    expect(stored.map(String).sort()).toEqual(acknowledged.map(String).sort());
    expect(tick_count).toBe(storedTicks(path).length);
    expectWholeUnits(path);
  });
});
