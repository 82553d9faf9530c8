import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { isPylonDbError } from '../../src/index.js';
import { failureOf, rejection } from './failure.js';
import { agent, job, openFresh } from './fresh.js';
import { readOutside, valueOutside, writeOutside } from './outside.js';
import { commitsInWal } from './wal-commits.js';

const ROOT = join(import.meta.dirname, '../..');
const UNITS = 20;

const numbers = Array.from({ length: UNITS }, (_, i) => i);

describe('units called in one turn', () => {
  it('share a transaction, while awaited ones have one each', async () => {
    const db = await openFresh();
    await db.agents.upsert(agent('a'));
    const before = commitsInWal(db.path);
    for (const tick_number of numbers) await db.agents.recordTick('a', { tick_number });
    const awaited = commitsInWal(db.path) - before;
    await Promise.all(numbers.map((n) => db.agents.recordTick('a', { tick_number: 100 + n })));
    const together = commitsInWal(db.path) - before - awaited;
    expect(awaited).toBe(UNITS);
    // One, or a few on a machine so busy that a batch took more than its 5 ms.
    expect(together).toBeLessThanOrEqual(UNITS / 4);
    expect((await db.agents.get('a'))?.tick_count).toBe(2 * UNITS);
  });

  it('are stored in the order of the calls', async () => {
    const db = await openFresh();
    await Promise.all(numbers.map((n) => db.jobs.create(job(`job ${n}`))));
    expect(readOutside(db.path, 'select id from jobs order by rowid')).toEqual(
      numbers.map((n) => ({ id: `job ${n}` })),
    );
  });

  it('fail alone', async () => {
    const db = await openFresh();
    await db.jobs.create(job('twice'));
    const calls = numbers.map((n) => db.jobs.create(job(n % 3 === 0 ? 'twice' : `job ${n}`)));
    const ended = await Promise.allSettled(calls);
    for (const [n, { status }] of ended.entries()) {
      expect(status).toBe(n % 3 === 0 ? 'rejected' : 'fulfilled');
    }
    const good = numbers.filter((n) => n % 3 !== 0).length;
    expect(valueOutside(db.path, 'select count(*) from jobs')).toBe(good + 1);
  });

  it('leave nothing of one that fails half-way, and everything of the others', async () => {
    const db = await openFresh();
    await db.agents.upsert(agent('a'));
    writeOutside(
      db.path,
      `create trigger refuse before insert on tick_history when new.tick_number % 4 = 1
       begin select raise(abort, 'refused'); end`,
    );
    await Promise.allSettled(numbers.map((n) => db.agents.recordTick('a', { tick_number: n })));
    const stored = numbers.filter((n) => n % 4 !== 1);
    expect(readOutside(db.path, 'select tick_number from tick_history order by id')).toEqual(
      stored.map((tick_number) => ({ tick_number })),
    );
    expect(valueOutside(db.path, 'select tick_count from agents')).toBe(stored.length);
  });

  it('get its own error when they cannot even begin', async () => {
    const db = await openFresh();
    await db.agents.upsert(agent('a'));
    writeOutside(db.path, 'pragma wal_checkpoint(truncate)');
    // In a process of its own: closing the file drops SQLite's locks of the process that does it.
    execFileSync('dd', [`of=${db.path}`, 'if=/dev/zero', 'bs=16', 'count=1', 'conv=notrunc'], {
      stdio: 'ignore',
    });
    const writes = [db.agents.recordTick('a', { tick_number: 1 }), db.jobs.create(job('b'))];
    const codes = (await Promise.allSettled(writes)).map((end) =>
      end.status === 'rejected' && isPylonDbError(end.reason) ? end.reason.code : end.status,
    );
    expect(codes).toEqual(['NOT_A_DATABASE', 'NOT_A_DATABASE']);
  });

  it('are all stored but the one at which SQLite gives up the whole transaction', async () => {
    const db = await openFresh();
    await db.agents.upsert(agent('a'));
    writeOutside(
      db.path,
      `create trigger refuse before insert on tick_history when new.tick_number = 7
       begin select raise(rollback, 'everything'); end`,
    );
    const ended = await Promise.allSettled(
      numbers.map((n) => db.agents.recordTick('a', { tick_number: n })),
    );
    expect(ended.map(({ status }) => status === 'rejected')).toEqual(numbers.map((n) => n === 7));
    expect(valueOutside(db.path, 'select count(*) from tick_history')).toBe(UNITS - 1);
    expect(valueOutside(db.path, 'select tick_count from agents')).toBe(UNITS - 1);
  });

  it('are all stored but the one that makes COMMIT fail', async () => {
    const db = await openFresh();
    writeOutside(
      db.path,
      `create table orders (id integer primary key,
         job text references jobs (id) deferrable initially deferred)`,
    );
    const db2 = db.kysely.withTables<{ orders: { id: number; job: string | null } }>();
    const order = (id: number) =>
      db2.insertInto('orders').values({ id, job: id === 5 ? 'nobody' : null });
    const ended = await Promise.allSettled(numbers.map((id) => order(id).execute()));
    expect(ended.map(({ status }) => status === 'rejected')).toEqual(numbers.map((n) => n === 5));
    expect(valueOutside(db.path, 'select count(*) from orders')).toBe(UNITS - 1);
  });
});

describe('a promise that resolved', () => {
  it('is committed: another connection sees its row at once', async () => {
    const db = await openFresh();
    const seen = numbers.map(async (n) => {
      const { id } = await db.jobs.create(job(`job ${n}`));
      return valueOutside(db.path, `select count(*) from jobs where id = '${id}'`);
    });
    expect(await Promise.all(seen)).toEqual(numbers.map(() => 1));
  });

  it('is committed: another process sees its row at once', async () => {
    const db = await openFresh();
    await db.jobs.create(job('seen'));
    const look = `
      const Database = require('better-sqlite3');
      const db = new Database(process.argv[1], { readonly: true });
      console.log(db.prepare('select id from jobs').pluck().get());`;
    const said = execFileSync(process.execPath, ['--eval', look, db.path], { cwd: ROOT });
    expect(said.toString().trim()).toBe('seen');
  });

  it('is seen by every read called after it', async () => {
    const db = await openFresh();
    for (const n of numbers) {
      await db.jobs.create(job(`job ${n}`));
      const [one, listed, counts, rows] = await Promise.all([
        db.jobs.get(`job ${n}`),
        db.jobs.list(),
        db.jobs.countByStatus(),
        db.kysely.selectFrom('jobs').select('id').execute(),
      ]);
      expect(one?.id).toBe(`job ${n}`);
      expect([listed.length, counts.pending, rows.length]).toEqual([n + 1, n + 1, n + 1]);
    }
  });
});

describe('a statement that SQLite ran, but whose caller gets an error', () => {
  it('has stored nothing when a row that it returns is corrupt', async () => {
    const db = await openFresh();
    await Promise.all([db.jobs.create(job('a')), db.jobs.create(job('b'))]);
    writeOutside(db.path, "update jobs set kind = 'text'");
    const before = readOutside(db.path, 'select * from jobs');
    expect(await db.jobs.claimNext()).toBeUndefined();
    const together = await Promise.all([
      rejection(db.jobs.complete('a', { price_msats: 5 })),
      rejection(db.jobs.completeWithPayment('b', { price_msats: 5 })),
    ]);
    for (const error of together) expect(isPylonDbError(error, 'CORRUPT_ROW')).toBe(true);
    expect(readOutside(db.path, 'select * from jobs')).toEqual(before);
    expect(readOutside(db.path, 'select * from earnings')).toEqual([]);
  });

  it('has stored nothing when an integer that it returns is too large', async () => {
    const db = await openFresh();
    const insert = db.kysely
      .insertInto('jobs')
      .values({ ...job('a'), status: 'pending', started_at: 1 })
      .returning(sql<number>`9007199254740993`.as('large'));
    await failureOf(insert.execute(), 'OUT_OF_RANGE');
    expect(readOutside(db.path, 'select id from jobs')).toEqual([]);
  });

  it('has stored nothing of a unit when a trigger of others raises FAIL', async () => {
    const db = await openFresh();
    await Promise.all(numbers.map((n) => db.jobs.create(job(`job ${n}`))));
    writeOutside(
      db.path,
      `create trigger fail after update on jobs when new.id = 'job 3'
       begin select raise(fail, 'failed'); end`,
    );
    await Promise.allSettled(
      numbers.map((n) => db.jobs.completeWithPayment(`job ${n}`, { price_msats: 1 })),
    );
    expect(valueOutside(db.path, 'select count(*) from earnings')).toBe(UNITS - 1);
    expect(valueOutside(db.path, "select status from jobs where id = 'job 3'")).toBe('pending');
  });
});

describe('a tick whose agent comes a moment later', () => {
  it('finds it or says that it is unknown, and nothing else', async () => {
    const db = await openFresh();
    const [tick] = await Promise.allSettled([
      db.agents.recordTick('late', { tick_number: 1 }),
      db.agents.upsert(agent('late')),
    ]);
    if (tick.status === 'rejected') expect(isPylonDbError(tick.reason, 'NOT_FOUND')).toBe(true);
    const stored = tick.status === 'fulfilled' ? 1 : 0;
    expect(valueOutside(db.path, 'select count(*) from tick_history')).toBe(stored);
    expect(valueOutside(db.path, 'select tick_count from agents')).toBe(stored);
  });
});
