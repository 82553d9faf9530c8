import { describe, expect, it } from 'vitest';
import type { NewJob } from '../../src/index.js';
import { testDatabase } from '../database.js';
import { NOON } from '../file.js';

const JOB: NewJob = { id: 'event', kind: 5100, customer_pubkey: 'npub' };

describe('jobs.createIfNew', () => {
  it('stores a job of a new id as create does', async () => {
    const { db, stored } = await testDatabase();
    const job = await db.jobs.create({ ...JOB, id: 'another' });
    expect(await db.jobs.createIfNew(JOB)).toEqual({
      created: true,
      job: { ...job, id: 'event', started_at: NOON, created_at: NOON },
    });
    expect(await stored("select * from jobs where id = 'event'")).toEqual([
      { ...job, id: 'event' },
    ]);
  });

  it('gives the job that stands, and compares or changes none of its fields', async () => {
    const { db, time, literals } = await testDatabase();
    await db.jobs.create(JOB);
    const completed = await db.jobs.complete(JOB.id, { price_msats: 7, output_hash: 'out' });
    const before = await literals('jobs');
    time.now += 10;
    for (const again of [JOB, { ...JOB, kind: 1, customer_pubkey: 'other', price_msats: 9 }]) {
      expect(await db.jobs.createIfNew(again)).toEqual({ created: false, job: completed });
    }
    expect(await literals('jobs')).toEqual(before);
  });

  it('creates one job of many deliveries at once, among others', async () => {
    const { db, value } = await testDatabase();
    await db.jobs.create({ ...JOB, id: 'event 0' });
    const ids = Array.from({ length: 60 }, (_, i) => `event ${i % 6}`);
    const ends = await Promise.all(ids.map((id) => db.jobs.createIfNew({ ...JOB, id })));
    expect(ends.map(({ job }) => job.id)).toEqual(ids);
    const created = ends.filter((end) => end.created).map(({ job }) => job.id);
    expect(created.sort()).toEqual(['event 1', 'event 2', 'event 3', 'event 4', 'event 5']);
    expect(Number(await value('select count(*) from jobs'))).toBe(6);
  });

  it('creates one job of deliveries to several programs', async () => {
    const { db, open, value } = await testDatabase();
    const others = [db, await open(), await open()];
    const ends = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        others[i % 3]?.jobs.createIfNew({ ...JOB, id: `event ${i % 10}` }),
      ),
    );
    expect(ends.filter((end) => end?.created)).toHaveLength(10);
    expect(Number(await value('select count(*) from jobs'))).toBe(10);
  });

  it('keeps its place among calls that were not waited for', async () => {
    const { db } = await testDatabase();
    const first = db.jobs.createIfNew(JOB);
    const second = db.jobs.createIfNew(JOB);
    const claimed = db.jobs.claimNext();
    const third = db.jobs.createIfNew(JOB);
    expect(await first).toMatchObject({ created: true, job: { status: 'pending' } });
    expect(await second).toMatchObject({ created: false });
    expect(await claimed).toMatchObject({ id: JOB.id });
    expect(await third).toMatchObject({ created: false, job: { status: 'processing' } });
  });

  it('sees inside a transaction what the transaction stored, and is undone with it', async () => {
    const { db, stored } = await testDatabase();
    const undo = new Error('undone');
    const ended = db.transaction(async (tx) => {
      expect(await tx.jobs.createIfNew(JOB)).toMatchObject({ created: true });
      expect(await tx.jobs.createIfNew(JOB)).toMatchObject({ created: false });
      throw undo;
    });
    await expect(ended).rejects.toBe(undo);
    expect(await stored('select id from jobs')).toEqual([]);
  });

  it('throws CORRUPT_ROW for a known job that can not be read', async () => {
    const { db, writeByAnother, literals } = await testDatabase();
    await db.jobs.create(JOB);
    await writeByAnother("update jobs set status = 'lost'");
    const before = await literals('jobs');
    await expect(db.jobs.createIfNew(JOB)).rejects.toMatchObject({
      code: 'CORRUPT_ROW',
      operation: 'jobs.createIfNew',
      details: { table: 'jobs', column: 'status', key: JOB.id },
    });
    expect(await literals('jobs')).toEqual(before);
  });
});
