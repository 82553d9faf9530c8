import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Job, PylonDb } from '../../src/index.js';
import { type TestDatabase, testDatabase } from '../database.js';

/** Unix seconds: one second in which all of these jobs were made. */
const SAME_SECOND = 1_782_000_000;
const JOBS = 3000;

/** Not a divisor of any group's size, so that pages end inside ties. */
const PAGE = 97;

interface PageOptions {
  readonly limit: number;
  readonly before?: Job;
}
type ListPage = (db: PylonDb, options: PageOptions) => Promise<Job[]>;

const LISTS: readonly (readonly [name: string, where: string, list: ListPage])[] = [
  ['jobs.list', 'true', (db, page) => db.jobs.list(page)],
  [
    'jobs.list by status',
    "status = 'failed'",
    (db, page) => db.jobs.list({ status: 'failed', ...page }),
  ],
  [
    'jobs.list by customer',
    "customer_pubkey = 'c0'",
    (db, page) => db.jobs.list({ customer_pubkey: 'c0', ...page }),
  ],
  [
    'jobs.list by status and customer',
    "status = 'failed' and customer_pubkey = 'c0'",
    (db, page) => db.jobs.list({ status: 'failed', customer_pubkey: 'c0', ...page }),
  ],
  ['jobs.listByStatus', "status = 'failed'", (db, page) => db.jobs.listByStatus('failed', page)],
];

/** Stores `count` jobs of one second, half of them failed, of two customers, with random ids. */
async function insertJobs(
  { writeByAnother }: TestDatabase,
  count: number,
  created_at = SAME_SECOND,
): Promise<void> {
  const rows = Array.from({ length: count }, (_, i) => {
    const customer = `c${Math.floor(i / 2) % 2}`;
    const status = i % 2 === 1 ? 'failed' : 'pending';
    return `('${randomUUID()}', 1, '${customer}', '${status}', 1, ${created_at})`;
  });
  await writeByAnother(
    `insert into jobs (id, kind, customer_pubkey, status, started_at, created_at)
     values ${rows.join(', ')}`,
  );
}

const rowsWhere = ({ stored }: TestDatabase, where: string) =>
  stored(`select * from jobs where ${where} order by created_at desc, id desc`);

describe('pages of thousands of jobs of the same second', () => {
  it.each(LISTS)('%s misses none and repeats none while others insert', async (_, where, list) => {
    const database = await testDatabase();
    const { db, open } = database;
    const other = await open();
    await insertJobs(database, JOBS / 2);
    await insertJobs(database, 50, SAME_SECOND - 1);
    await insertJobs(database, JOBS / 2);
    const before = await rowsWhere(database, where);
    expect(before.length).toBeGreaterThan(5 * PAGE);

    const seen: Job[] = [];
    for (let last: Job | undefined, n = 0; ; n++) {
      const page = await list(db, { limit: PAGE, ...(last && { before: last }) });
      seen.push(...page);
      if (page.length < PAGE) break;
      last = page.at(-1);
      await insertJobs(database, 20);
      const status = n % 2 === 0 ? 'failed' : 'pending';
      const job = { kind: 1, customer_pubkey: 'c0', status, created_at: SAME_SECOND } as const;
      await other.jobs.create({ ...job, id: randomUUID() });
    }

    const ids = new Set(seen.map((job) => job.id));
    expect(ids.size).toBe(seen.length);
    const isOld = new Set(before.map((row) => Reflect.get(row, 'id')));
    expect(seen.filter((job) => isOld.has(job.id))).toEqual(before);
    // All that was seen stands in the file, in its order.
    expect(seen).toEqual(
      (await rowsWhere(database, where)).filter((row) => ids.has(Reflect.get(row, 'id'))),
    );
  });
});

describe('the order of jobs', () => {
  const JOB = { kind: 1, customer_pubkey: 'b' } as const;

  it('is the newest created_at, then the greatest id by its bytes', async () => {
    const { db } = await testDatabase();
    // By UTF-16 code units the last two stand the other way round.
    const ids = ['A', 'B', 'a', 'é', '\uff5e', '\u{1f600}'];
    for (const id of ids) await db.jobs.create({ ...JOB, id, created_at: 5 });
    await db.jobs.create({ ...JOB, id: '0', created_at: 6 });
    const order = ['0', ...ids.toReversed()];
    expect((await db.jobs.list()).map((job) => job.id)).toEqual(order);
    expect((await db.jobs.listByStatus('pending')).map((job) => job.id)).toEqual(order);
    const rest = await db.jobs.list({ before: { created_at: 5, id: '\u{1f600}' } });
    expect(rest.map((job) => job.id)).toEqual(order.slice(2));
  });

  it('leaves other statuses and customers out', async () => {
    const { db } = await testDatabase();
    await db.jobs.create({ ...JOB, id: 'pending', created_at: 1 });
    await db.jobs.create({ ...JOB, id: 'failed', status: 'failed', created_at: 2 });
    await db.jobs.create({ ...JOB, id: 'other', customer_pubkey: 'c', created_at: 3 });
    const ids = async (list: Promise<Job[]>) => (await list).map((job) => job.id);
    expect(await ids(db.jobs.listByStatus('pending'))).toEqual(['other', 'pending']);
    expect(await ids(db.jobs.list({ customer_pubkey: 'b' }))).toEqual(['failed', 'pending']);
    expect(await ids(db.jobs.list({ customer_pubkey: 'nobody' }))).toEqual([]);
    expect(await ids(db.jobs.list({ customer_pubkey: 'b', status: 'failed' }))).toEqual(['failed']);
  });

  it('gives 100 jobs unless the caller names another limit', async () => {
    const database = await testDatabase();
    const { db } = database;
    await insertJobs(database, 10_020);
    expect(await db.jobs.list()).toHaveLength(100);
    expect(await db.jobs.listByStatus('pending')).toHaveLength(100);
    expect(await db.jobs.list({ limit: 1 })).toHaveLength(1);
    expect(await db.jobs.list({ limit: 10_000 })).toHaveLength(10_000);
  });

  it('reads only created_at and id of the row that ends a page', async () => {
    const { db } = await testDatabase();
    await db.jobs.create({ ...JOB, id: 'a', created_at: 1 });
    const last = await db.jobs.create({ ...JOB, id: 'b', created_at: 1 });
    const before = Object.assign({}, last, { kind: 'unread', colour: 'red' });
    expect(await db.jobs.list({ before })).toMatchObject([{ id: 'a' }]);
  });

  it('goes on after a row of another program with a negative time or an empty id', async () => {
    const { db, writeByAnother } = await testDatabase();
    await writeByAnother(`insert into jobs (id, kind, customer_pubkey, status, started_at, created_at)
       values ('b', 1, 'b', 'pending', 1, -5), ('', 1, 'b', 'pending', 1, -5),
         ('a', 1, 'b', 'pending', 1, -6)`);
    const seen: string[] = [];
    let page = await db.jobs.list({ limit: 1 });
    for (let last = page[0]; last !== undefined; last = page[0]) {
      seen.push(last.id);
      page = await db.jobs.list({ limit: 1, before: last });
    }
    expect(seen).toEqual(['b', '', 'a']);
  });
});
