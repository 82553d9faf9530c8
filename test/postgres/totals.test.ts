import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import type { PylonDb } from '../../src/index.js';
import { job } from '../engine/fresh.js';
import { fuzzSeed, Random } from '../faults/random.js';
import { connected, describeOnServer, type OpenedDatabase, opened } from './own-server.js';
import { jsonOnServer } from './server-commands.js';

/** What the rows themselves give, and what is kept, in one snapshot. */
const BOTH = `
  select
    (select json_object_agg(status, count order by status) from pylon_db_job_totals where count <> 0)::text as jobs,
    (select json_object_agg(status, count order by status) from (
      select status, count(*) from jobs group by 1) as c)::text as jobs_of_rows,
    (select json_object_agg(source, array[amount_high * 4294967296::numeric + amount_low, count] order by source)
      from pylon_db_earning_totals where count <> 0)::text as earned,
    (select json_object_agg(source, array[sum, count] order by source) from (
      select source, sum(amount_msats), count(*) from earnings group by 1) as c)::text as earned_of_rows,
    (select count from pylon_db_paid_jobs)::text as paid,
    (select count(distinct job_id) from earnings)::text as paid_of_rows`;

/** What each trigger must see. */
const BREAKING = {
  insert: "insert into earnings (id, amount_msats, source) values ('x', 1, 'tip')",
  update: 'update earnings set earned_at = earned_at - 900',
  delete: "delete from earnings where id = 'tip'",
  truncate: 'truncate earnings',
};

async function expectRightTotals(outside: pg.Client, when?: string): Promise<void> {
  const [row] = (await outside.query(BOTH)).rows;
  expect([row.jobs, row.earned, row.paid], when).toEqual([
    row.jobs_of_rows,
    row.earned_of_rows,
    row.paid_of_rows,
  ]);
}

/** `pylon-db check` of all totals, by the hour too; it exits 4 where one is wrong. */
async function expectNoFinding(url: string): Promise<void> {
  expect(await jsonOnServer(url, ['check'])).not.toMatchObject({
    findings: expect.arrayContaining([expect.objectContaining({ check: 'rollups' })]),
  });
}

/** Statements of another program; `?` is one of a few numbers. */
const FOREIGN = [
  `insert into jobs (id, kind, customer_pubkey, status, started_at)
   values ('f?', ?, 'c', 'pending', 1) on conflict (id) do update set status = 'failed'`,
  `insert into jobs (id, kind, customer_pubkey, status, started_at)
   select 'many' || i, 1, 'c', 'completed', 1 from generate_series(1, 30 * ?) as i on conflict do nothing`,
  `update jobs set status = 'cancelled' where id < 'f?'`,
  `update jobs set status = 'pending', price_msats = ? where id like '%?'`,
  `update jobs set price_msats = ?`,
  `update jobs set id = id || '?' where id = 'f?' and not exists (select from earnings where job_id = jobs.id)`,
  `delete from jobs where id like '%?' and not exists (select from earnings where job_id = jobs.id)`,
  `insert into earnings (id, job_id, amount_msats, source, earned_at)
   select 'e?' || id, id, 1000 * ?, 'job', 1700000000 + 450 * ? from jobs limit ? on conflict do nothing`,
  `insert into earnings (id, amount_msats, source, earned_at)
   select 'tip' || i, -i, 'tip', -1000 * i from generate_series(1, 40 * ?) as i
   on conflict (id) do update set amount_msats = earnings.amount_msats + 1`,
  `update earnings set amount_msats = amount_msats + 4294967296, source = 'other' where id like '%?'`,
  `update earnings set earned_at = earned_at + 900 * ? where id like '%?%'`,
  `update earnings set job_id = (select id from jobs order by id limit 1 offset ?) where id like '%?'`,
  `update earnings set job_id = null where id like '%?'`,
  `delete from earnings where id like '%?'`,
  `with gone as (delete from earnings where id like 'tip?%' returning id)
   insert into earnings (id, amount_msats, source) select id || 'x', 5, 'other' from gone on conflict do nothing`,
  'truncate earnings',
  'truncate jobs, earnings',
];

async function writeAsAnother(outside: pg.Client, random: Random, turn: number): Promise<void> {
  const statement = random.pick(FOREIGN);
  // A history that is never emptied grows dull, one that always is as well.
  if (statement.startsWith('truncate') && turn % 4 !== 0) return;
  await outside.query(statement.replaceAll('?', () => String(1 + random.int(9))));
}

async function writeAsService(db: PylonDb, random: Random, turn: number): Promise<void> {
  const id = `own${turn}`;
  await db.jobs.create(job(id));
  if (random.chance(0.7)) {
    await db.jobs.completeWithPayment(id, { price_msats: turn + 1, payment_hash: `hash${turn}` });
  }
  if (random.chance(0.5)) {
    await db.transaction(async (tx) => {
      await tx.earnings.record({ id: `t${turn}`, amount_msats: turn, source: 'tip' });
      await tx.jobs.claimNext();
    });
  }
}

const ZONES = [
  ...['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Asia/Kathmandu'],
  'Australia/Lord_Howe',
];

/** Compares the buckets of a random rollup, and today, with plain sums of the rows. */
async function expectRightBuckets(
  { db, outside, time }: OpenedDatabase & { readonly time: { now: number } },
  random: Random,
  when: string,
): Promise<void> {
  const timeZone = random.pick(ZONES);
  const by = random.pick(['hour', 'day', 'week'] as const);
  const start = 1_700_000_000 + random.int(9000);
  const end = start + random.int(200_000);
  const buckets = await db.earnings.rollup({ by, timeZone, start, end });
  const plain = async (from: number, to: number | null) => {
    const sum = await outside.query(
      `select coalesce(sum(amount_msats), 0)::int8::text as sum, count(*)::int as count from earnings
       where earned_at >= $1 and ($2::int8 is null or earned_at <= $2)`,
      [from, to],
    );
    return { amount_msats: Number(sum.rows[0].sum), count: sum.rows[0].count };
  };
  for (const [i, { bucket_start, amount_msats, count }] of buckets.entries()) {
    const next = (buckets[i + 1]?.bucket_start ?? end + 1) - 1;
    const expected = await plain(Math.max(bucket_start, start), Math.min(next, end));
    expect({ amount_msats, count }, `${when} ${by} ${timeZone} ${bucket_start}`).toEqual(expected);
  }
  time.now = start;
  const midnight = (await db.earnings.rollup({ by: 'day', timeZone, start, end: start }))[0];
  const { amount_msats } = await plain(midnight?.bucket_start ?? 0, null);
  expect(await db.earnings.today({ timeZone }), `${when} today ${timeZone}`).toBe(amount_msats);
}

describeOnServer('totals of a server', (own) => {
  it('equal what the rows give after whatever anybody writes', { timeout: 120_000 }, async () => {
    const time = { now: 1_700_000_000 };
    const { url, db, outside } = await own.open({ clock: () => time.now });
    const seed = fuzzSeed();
    const random = new Random(seed);
    for (let turn = 0; turn < 120; turn++) {
      await writeAsAnother(outside, random, turn);
      await writeAsService(db, random, turn);
      const when = `PYLON_FUZZ_SEED=${seed}, turn ${turn}`;
      await expectRightTotals(outside, when);
      await expectRightBuckets({ url, db, outside, time }, random, when);
    }
    await expectNoFinding(url);
  });

  it('are right inside the transaction that writes, and after one that is undone', async () => {
    const { db, outside } = await own.open();
    await db.jobs.create(job('a'));
    await outside.query('begin');
    await outside.query("update jobs set status = 'failed'");
    await expectRightTotals(outside);
    await outside.query('savepoint s');
    await outside.query('delete from jobs');
    await expectRightTotals(outside);
    await outside.query('rollback to s');
    await expectRightTotals(outside);
    await outside.query('rollback');
    expect(await db.jobs.countByStatus()).toMatchObject({ pending: 1, failed: 0 });
  });

  it('are right after COPY', async () => {
    const { url, outside } = await own.open();
    await outside.query(`create table lines as select 'job' || i || ',1,c,failed,1' as line from generate_series(1, 500) as i;
      copy lines to '/tmp/pylon-db-lines-${process.pid}.csv';
      copy jobs (id, kind, customer_pubkey, status, started_at) from '/tmp/pylon-db-lines-${process.pid}.csv' csv`);
    await outside.query(`copy (select 1) to program 'rm /tmp/pylon-db-lines-${process.pid}.csv'`);
    await expectRightTotals(outside);
    await expectNoFinding(url);
  });

  it('are counted for a role that may only write the table, whatever its search path', async () => {
    const { outside } = await own.open();
    const schema = (await outside.query('select current_schema() as name')).rows[0].name;
    await outside.query(`create role writer_${process.pid};
      grant usage on schema ${schema} to writer_${process.pid};
      grant insert, select, update, delete on jobs, earnings to writer_${process.pid};
      set role writer_${process.pid}; set search_path = pg_temp;
      create temp table pylon_db_earning_hours (hour bigint, source text);
      insert into ${schema}.jobs (id, kind, customer_pubkey, status, started_at) values ('a', 1, 'c', 'failed', 1);
      insert into ${schema}.earnings (id, job_id, amount_msats, source) values ('e', 'a', 5, 'job');
      drop table pg_temp.pylon_db_earning_hours;
      reset role; set search_path = ${schema}`);
    await expectRightTotals(outside);
    await outside.query(`drop owned by writer_${process.pid}; drop role writer_${process.pid}`);
  });

  it('let transactions that create jobs at once pass without a conflict', async () => {
    const { url } = await own.open();
    const [one, other] = [await connected(url), await connected(url)];
    const create = (client: pg.Client, id: string) =>
      client.query(
        `insert into jobs (id, kind, customer_pubkey, status, started_at) values ('${id}', 1, 'c', 'pending', 1)`,
      );
    const earn = (client: pg.Client, id: string) =>
      client.query(
        `insert into earnings (id, job_id, amount_msats, source) values ('${id}', '${id}', 1, 'job')`,
      );
    for (let i = 0; i < 20; i++) {
      await one.query('begin isolation level serializable');
      await other.query('begin isolation level serializable');
      await create(one, `one${i}`);
      await create(other, `other${i}`);
      await earn(one, `one${i}`);
      await earn(other, `other${i}`);
      await one.query('commit');
      await other.query('commit');
    }
    await expectRightTotals(one);
  });

  it('are added up by whoever writes, so that few rows are read for them', async () => {
    const { db, outside } = await own.open();
    await outside.query(`do $$ begin for i in 1..5000 loop
      insert into earnings (id, amount_msats, source, earned_at) values ('e' || i, 1, 'tip', 1700000000 + i);
    end loop; end $$`);
    const { rows } = await outside.query(
      'select count(*)::int as count from pylon_db_earning_hours',
    );
    // Each time by chance: that none of the last 4000 did has a probability of 10^-17.
    expect(rows[0].count).toBeLessThan(8000);
    expect(await db.earnings.total()).toBe(5000);
  });

  it('are right at every moment while others write', { timeout: 120_000 }, async () => {
    const { url, outside } = await own.open();
    const writers = await Promise.all(Array.from({ length: 8 }, () => opened(`${url}&max=2`)));
    let isDone = false;
    const write = async (db: PylonDb, of: number) => {
      for (let i = 0; i < 60; i++) {
        const id = `${of} ${i}`;
        await db.jobs.create(job(id));
        await Promise.all([
          db.jobs.completeWithPayment(id, { price_msats: i, payment_hash: `hash ${id}` }),
          db.earnings.record({ id, amount_msats: 3, source: 'tip' }),
          db.transaction((tx) => tx.earnings.recordForJob(id, 2, {})),
        ]);
      }
    };
    const writing = Promise.all(writers.map(write)).finally(() => {
      isDone = true;
    });
    let looks = 0;
    while (!isDone) {
      await expectRightTotals(outside);
      looks++;
    }
    await writing;
    expect(looks).toBeGreaterThan(0);
    await expectRightTotals(outside);
    await expectNoFinding(url);
  });

  describe('without one of their triggers', () => {
    it.each(Object.entries(BREAKING))('on %s, are found wrong and repaired', async (event, sql) => {
      const { url, db, outside } = await own.open();
      await paid(db);
      await outside.query(`alter table earnings disable trigger pylon_db_earnings_${event}`);
      await outside.query(sql);
      await outside.query(`alter table earnings enable trigger pylon_db_earnings_${event}`);
      expect(await jsonOnServer(url, ['check'], 4)).toMatchObject({
        findings: expect.arrayContaining([
          expect.objectContaining({ check: 'rollups', repairable: true }),
        ]),
      });
      expect(await jsonOnServer(url, ['check', '--repair'])).toMatchObject({
        repaired: ['rollups: counted anew'],
      });
      await expectRightTotals(outside);
      await expectNoFinding(url);
    });

    it.each(Object.entries(BREAKING))('on %s, are counted anew at open', async (event, sql) => {
      const { url, db, outside } = await own.open();
      await paid(db);
      await db.close();
      await outside.query(`drop trigger pylon_db_earnings_${event} on earnings`);
      await outside.query(sql);
      await opened(url);
      await expectRightTotals(outside);
      await expectNoFinding(url);
    });
  });

  it('are counted by views where a table can have no such triggers', async () => {
    const { url, db, outside } = await own.open();
    await paid(db);
    await db.close();
    await outside.query('create table part () inherits (earnings)');
    await outside.query('select pylon_db_keep_totals()');
    const other = await opened(url);
    await other.earnings.record({ id: 'later', amount_msats: 3, source: 'tip' });
    expect(await other.earnings.today({})).toBe(await other.earnings.total());
    await expectRightTotals(outside);
    expect(await jsonOnServer(url, ['info'])).toMatchObject({
      notes: [expect.stringContaining('summed from the rows')],
    });
  });
});

async function paid(db: OpenedDatabase['db']): Promise<void> {
  await db.jobs.create(job('paid'));
  await db.jobs.completeWithPayment('paid', { price_msats: 1000 });
  await db.jobs.create(job('waits'));
  await db.earnings.record({ id: 'tip', amount_msats: 7, source: 'tip' });
}
