import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { NewJob } from '../../src/index.js';
import { itBesideOthers, testDatabase } from '../database.js';
import { Program } from '../faults/program.js';
import { NOON } from '../file.js';

const claimer = new Program(join(import.meta.dirname, 'claim-worker.ts'));

const JOB: NewJob = { id: 'a', kind: 5100, customer_pubkey: 'b' };

/** The second in which `job7` is made. */
const place = (id: string) => Math.floor(Number(id.slice('job'.length)) / 3);

describe('jobs.claimNext', () => {
  it('takes the oldest pending job to processing, started now', async () => {
    const { db, stored } = await testDatabase();
    await db.jobs.create({ ...JOB, id: 'young', created_at: 3, started_at: 3 });
    await db.jobs.create({ ...JOB, id: 'old', created_at: 2, started_at: 2, input_hash: 'in' });
    await db.jobs.create({ ...JOB, id: 'taken', created_at: 1, status: 'processing' });
    await db.jobs.create({ ...JOB, id: 'broken', created_at: 1, status: 'failed' });
    const job = await db.jobs.claimNext();
    expect(job).toMatchObject({ id: 'old', status: 'processing', started_at: NOON, created_at: 2 });
    expect(await stored("select * from jobs where id = 'old'")).toEqual([job]);
    expect(await db.jobs.claimNext()).toMatchObject({ id: 'young' });
    expect(await db.jobs.claimNext()).toBeUndefined();
  });

  it('takes the smallest id of those of one second', async () => {
    const { db } = await testDatabase();
    for (const id of ['b', 'a', 'C']) await db.jobs.create({ ...JOB, id });
    const ids = [await db.jobs.claimNext(), await db.jobs.claimNext(), await db.jobs.claimNext()];
    expect(ids.map((job) => job?.id)).toEqual(['C', 'a', 'b']);
  });

  it('takes only jobs of the given kinds', async () => {
    const { db } = await testDatabase();
    await db.jobs.create({ ...JOB, id: 'text', kind: 5100, created_at: 1 });
    await db.jobs.create({ ...JOB, id: 'image', kind: 5200, created_at: 2 });
    await db.jobs.create({ ...JOB, id: 'audio', kind: 5300, created_at: 3 });
    expect(await db.jobs.claimNext({ kinds: [5300, 5200] })).toMatchObject({ id: 'image' });
    expect(await db.jobs.claimNext({ kinds: [5300, 5200, 7] })).toMatchObject({ id: 'audio' });
    expect(await db.jobs.claimNext({ kinds: [5300] })).toBeUndefined();
    expect(await db.jobs.claimNext()).toMatchObject({ id: 'text' });
  });

  it.each([2, 16, 17])('takes the oldest of %i kinds, whichever has it', async (count) => {
    const { db } = await testDatabase();
    const kinds = Array.from({ length: count }, (_, i) => 100 + i);
    const inTurn = [...kinds, ...kinds].map((kind, i) => ({ ...JOB, id: `job${i}`, kind }));
    for (const [i, job] of inTurn.entries()) {
      await db.jobs.create({ ...job, created_at: Math.floor(i / 3) });
    }
    await db.jobs.create({ ...JOB, id: 'of another kind', created_at: 0 });
    const ids = inTurn.map(({ id }) => id);
    const inOrder = ids.toSorted((a, b) => place(a) - place(b) || (a < b ? -1 : 1));
    const claimed: unknown[] = [];
    for (const _ of ids) claimed.push((await db.jobs.claimNext({ kinds }))?.id);
    expect(claimed).toEqual(inOrder);
    expect(await db.jobs.claimNext({ kinds })).toBeUndefined();
  });

  it.each([
    ['any kind', {}],
    ['one kind', { kinds: [5100] }],
    ['several kinds', { kinds: [1, 5100, 2] }],
  ])('gives each of many callers on several connections a job of its own, of %s', async (_, of) => {
    const { db, open } = await testDatabase();
    const ids = Array.from({ length: 300 }, (_, i) => `job${i}`);
    await Promise.all(ids.map((id) => db.jobs.create({ ...JOB, id })));
    const connections = [db, await open(), await open()];
    const claims = await Promise.all(
      Array.from({ length: 330 }, (_, i) => connections[i % 3]?.jobs.claimNext(of)),
    );
    const claimed = claims.flatMap((job) => job?.id ?? []);
    expect(claimed.toSorted()).toEqual(ids.toSorted());
  });

  itBesideOthers('never hands one job to two processes', async () => {
    const { db, url } = await testDatabase();
    const ids = Array.from({ length: 400 }, (_, i) => `job${i}`);
    await Promise.all(ids.map((id) => db.jobs.create({ ...JOB, id })));
    const worker = async () => {
      const { lines, stderr } = await claimer.run([url, 5]);
      expect(stderr).toBe('');
      const claimed: string[] = JSON.parse(lines.join());
      return claimed;
    };
    const claimed = await Promise.all([worker(), worker()]);
    expect(claimed.flat().toSorted()).toEqual(ids.toSorted());
    expect(await db.jobs.countByStatus()).toMatchObject({ pending: 0, processing: 400 });
  });
});
