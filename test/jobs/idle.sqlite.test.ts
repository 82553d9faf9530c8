import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { NewJob } from '../../src/index.js';
import { testDatabase } from '../database.js';
import { NOON } from '../file.js';

const JOB: NewJob = { id: 'a', kind: 5100, customer_pubkey: 'b' };

/** Much longer than a look takes: whoever waits for the lock gets `BUSY`. */
const BUSY_MS = 100;

/** Takes the lock that writers wait for, as another program does, until the test ends. */
function lock(path: string): void {
  const other = new Database(path);
  onTestFinished(() => {
    other.close();
  });
  other.exec('begin immediate');
}

describe('while another program holds the write lock', () => {
  it('claimNext finds an empty queue empty, and takes no job that waits', async () => {
    const { db, url, stored } = await testDatabase({ busyTimeoutMs: BUSY_MS });
    await db.jobs.create({ ...JOB, status: 'completed', completed_at: NOON });
    await db.jobs.create({ ...JOB, id: 'other' });
    expect(await db.jobs.claimNext({ kinds: [5200] })).toBeUndefined();
    lock(url);
    expect(await db.jobs.claimNext({ kinds: [5200] })).toBeUndefined();
    await expect(db.jobs.claimNext()).rejects.toMatchObject({ code: 'BUSY' });
    expect(await stored('select id, status from jobs order by id')).toEqual([
      { id: 'a', status: 'completed' },
      { id: 'other', status: 'pending' },
    ]);
  });

  it('createIfNew gives a job that is known, and takes the lock for a new one', async () => {
    const { db, url, value } = await testDatabase({ busyTimeoutMs: BUSY_MS });
    const job = await db.jobs.create(JOB);
    lock(url);
    expect(await db.jobs.createIfNew(JOB)).toEqual({ job, created: false });
    await expect(db.jobs.createIfNew({ ...JOB, id: 'new' })).rejects.toMatchObject({
      code: 'BUSY',
      operation: 'jobs.createIfNew',
    });
    expect(await value('select count(*) from jobs')).toBe(1);
  });

  it('requeueStale puts nothing back where nothing is stale', async () => {
    const { db, url } = await testDatabase({ busyTimeoutMs: BUSY_MS });
    await db.jobs.create({ ...JOB, status: 'processing', started_at: NOON });
    lock(url);
    expect(await db.jobs.requeueStale({ startedBefore: NOON })).toBe(0);
  });
});

describe('a claim that was not waited for', () => {
  it('takes the job that was created just before it, whose write still waits', async () => {
    const { db } = await testDatabase();
    expect(await db.jobs.claimNext()).toBeUndefined();
    const created = db.jobs.create(JOB);
    expect(await db.jobs.claimNext()).toMatchObject({ id: 'a' });
    await created;
  });

  it('takes the job that requeueStale, called just before it, puts back', async () => {
    const { db } = await testDatabase();
    const old = { status: 'processing', started_at: NOON - 100 } as const;
    await db.jobs.create({ ...JOB, ...old });
    expect(await db.jobs.claimNext()).toBeUndefined();
    const requeued = db.jobs.requeueStale({ startedBefore: NOON - 50 });
    expect(await db.jobs.claimNext()).toMatchObject({ id: 'a', status: 'processing' });
    expect(await requeued).toBe(1);
  });
});
