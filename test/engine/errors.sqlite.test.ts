import Database from 'better-sqlite3';
import { sql } from 'kysely';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isPylonDbError, type OpenOptions, PylonDb, PylonDbError } from '../../src/index.js';
import { expectCompleteError, PREIMAGE } from './complete-error.js';
import { failureOf, rejection } from './failure.js';
import { agent, job, openFresh } from './fresh.js';
import { readOutside, valueOutside, writeOutside } from './outside.js';

const HERE = 'errors.sqlite.test.ts';

/** Milliseconds: long enough to be measured, short enough for a test. */
const BUSY_TIMEOUT_MS = 50;

/** How a call fails on a file alone: its code, its operation, and the call. */
const FAILURES: readonly [
  code: string,
  operation: string,
  call: (db: PylonDb) => Promise<unknown>,
][] = [
  ['CORRUPT_ROW', 'jobs.get', (db) => db.jobs.get('bad')],
  ['CORRUPT_ROW', 'jobs.list', (db) => db.jobs.list()],
  [
    'ABORTED',
    'jobs.list',
    (db) =>
      db.transaction(async (tx) => {
        await rejection(sql`insert or rollback into jobs (id) values ('x')`.execute(tx.kysely));
        await tx.jobs.list();
      }),
  ],
  ['CANNOT_OPEN', 'PylonDb.open', (db) => PylonDb.open(`${db.path}-missing`, { readonly: true })],
];

/** A paid job, an open one, a corrupt one, and an agent with a tick. */
async function openPlayed(): Promise<PylonDb> {
  const db = await openFresh();
  await db.agents.upsert(agent('n'));
  await db.agents.recordTick('n', { tick_number: 1 });
  await db.jobs.create(job('paid'));
  const payment = { price_msats: 5, payment_hash: 'h', preimage: PREIMAGE };
  await db.jobs.completeWithPayment('paid', payment);
  await db.jobs.create(job('open'));
  writeOutside(
    db.path,
    `insert into jobs (id, kind, customer_pubkey, status, started_at, created_at)
     values ('bad', 'text', 'c', 'pending', 1, 1)`,
  );
  return db;
}

describe.each(FAILURES)('%s of %s', (code, operation, call) => {
  it('names its operation, says what to do and shows no preimage', async () => {
    const db = await openPlayed();
    expectCompleteError(await rejection(theCaller(call, db)), code, operation);
  });

  it('keeps the frame of its caller', async () => {
    const error = await rejection(theCaller(call, await openPlayed()));
    expect(isPylonDbError(error) && error.stack).toContain(HERE);
  });
});

async function theCaller(call: (db: PylonDb) => Promise<unknown>, db: PylonDb): Promise<unknown> {
  return await call(db);
}

describe('the error of a statement', () => {
  it('is SCHEMA_MISMATCH for a NULL that no service wrote', async () => {
    const db = await openFresh();
    writeOutside(
      db.path,
      `create trigger other after insert on jobs
       begin insert into tick_history (agent_npub, tick_number) values (null, 1); end`,
    );
    const error = await failureOf(db.jobs.create(job('a')), 'SCHEMA_MISMATCH');
    expect(error.problems).toEqual(['NOT NULL constraint failed: tick_history.agent_npub']);
    expect(await db.jobs.list()).toEqual([]);
  });

  it('has the error of the driver as its cause', async () => {
    const db = await openPlayed();
    for (const call of [
      db.kysely.deleteFrom('agents').execute(),
      db.transaction((tx) => tx.kysely.deleteFrom('agents').execute()),
    ]) {
      const error = await failureOf(call, 'INVALID_ARGUMENT');
      expect(error.cause).toBeInstanceOf(Database.SqliteError);
      expect(error.cause).toMatchObject({ code: 'SQLITE_CONSTRAINT_FOREIGNKEY' });
    }
  });

  it('is another object for each call that one foreign lock refused', async () => {
    const { db } = await openLocked();
    const [one, two] = await Promise.all([
      rejection(db.jobs.create(job('a'))),
      rejection(db.jobs.create(job('b'))),
    ]);
    expect(one).toBeInstanceOf(PylonDbError);
    expect(two).not.toBe(one);
  });
});

/** A database whose write lock another connection holds until `release`. */
async function openLocked(options: OpenOptions = {}) {
  const { path } = await openFresh();
  const db = await PylonDb.open(path, { busyTimeoutMs: BUSY_TIMEOUT_MS, ...options });
  const holder = new Database(path);
  onTestFinished(async () => {
    holder.close();
    await db.close();
  });
  holder.exec('begin immediate');
  return { db, release: () => void holder.exec('rollback') };
}

const WRITES: readonly [operation: string, call: (db: PylonDb) => Promise<unknown>][] = [
  ['jobs.create', (db) => db.jobs.create(job('a'))],
  ['agents.recordTick', (db) => db.agents.recordTick('n', { tick_number: 1 })],
  ['db.kysely', (db) => sql`create table mine (id integer)`.execute(db.kysely)],
  ['db.transaction', (db) => db.transaction(async (tx) => await tx.jobs.create(job('a')))],
  ['db.kysely.transaction', (db) => db.kysely.transaction().execute(async () => {})],
];

describe.each(WRITES)('BUSY of %s', (operation, call) => {
  it('says how long it waited, names the caller, and has stored nothing', async () => {
    const { db, release } = await openLocked();
    const before = readOutside(db.path, 'select * from sqlite_master');
    const error = await failureOf(theCaller(call, db), 'BUSY');
    expect(error.waitedMs).toBeGreaterThanOrEqual(BUSY_TIMEOUT_MS);
    expect(error.operation).toBe(operation);
    expect(error.stack).toContain('theCaller');
    release();
    expect(readOutside(db.path, 'select * from sqlite_master')).toEqual(before);
    expect(valueOutside(db.path, 'select count(*) from jobs')).toBe(0);
    await db.jobs.create(job('later'));
    expect(readOutside(db.path, 'select id from jobs')).toEqual([{ id: 'later' }]);
  });
});

describe('a write that waits for a foreign lock', () => {
  it('rejects all of one turn, each after its own wait, and reads go on', async () => {
    const { db } = await openLocked();
    const writes = Array.from({ length: 20 }, (_, i) =>
      failureOf(db.jobs.create(job(`${i}`)), 'BUSY'),
    );
    expect(await db.jobs.list()).toEqual([]);
    for (const { waitedMs } of await Promise.all(writes)) {
      expect(waitedMs).toBeGreaterThanOrEqual(BUSY_TIMEOUT_MS);
    }
    expect(valueOutside(db.path, 'select count(*) from jobs')).toBe(0);
  });

  it('is stored when the lock is free in time', async () => {
    const { db, release } = await openLocked({ busyTimeoutMs: 20_000 });
    const writes = WRITES.filter(([operation]) => operation === 'jobs.create').map(([, call]) =>
      call(db),
    );
    setTimeout(release, BUSY_TIMEOUT_MS);
    await Promise.all(writes);
    expect(readOutside(db.path, 'select id from jobs')).toEqual([{ id: 'a' }]);
  });

  it('rejects at the first look with busyTimeoutMs 0', async () => {
    const { db } = await openLocked({ busyTimeoutMs: 0 });
    await failureOf(db.jobs.create(job('a')), 'BUSY');
    await failureOf(
      db.transaction(async () => {}),
      'BUSY',
    );
  });
});
