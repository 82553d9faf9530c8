import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { temporaryFolder } from '../temporary.js';

// Every query that a service runs, with its plan. The snapshot is to be read: a changed plan shows
// in review. The assertions hold for whatever is added later.

const HISTORY = ['jobs', 'earnings', 'tick_history'];

/** Walks an index in order and stops at the limit, or sums a range that the caller names. */
const ALLOWED_SCANS = [
  // The newest of all: the index gives the order, the limit ends the walk.
  /^SCAN jobs USING INDEX idx_jobs_created$/,
  /^SCAN earnings USING INDEX idx_earnings_date$/,
];

/** Run only when a rollup says that a row can't be counted: to name one such row. */
const SEARCHES_FOR_A_BAD_ROW = [/"status" not in \(/, /is not true limit \?$/];

/** The whole sort is of one customer's, one job's or one payment's rows, or of the few agents. */
const FEW_ROWS = [
  /^SEARCH jobs USING INDEX idx_jobs_customer \(customer_pubkey=\?\)$/,
  /^SEARCH earnings USING INDEX idx_earnings_job \(job_id=\?\)$/,
  /^SEARCH earnings USING INDEX pylon_db_earnings_payment \(payment_hash=\?\)$/,
  /^SCAN agents$/,
  /^SEARCH agents USING INDEX idx_agents_state \(lifecycle_state=\?\)$/,
];

async function filledDatabase(path: string, onQuery: (sql: string) => void): Promise<PylonDb> {
  const filling = await PylonDb.open(path);
  await filling.close();
  const db = new Database(path);
  db.exec(`
    insert into jobs (id, kind, customer_pubkey, status, started_at, created_at)
      with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000)
      select 'job' || i, 5100, 'customer' || i % 500,
        case when i % 50 = 0 then 'pending' else 'completed' end, i, i from n;
    insert into earnings (id, job_id, amount_msats, source, payment_hash, earned_at)
      select 'earn' || id, id, 5, 'job', 'hash' || id, created_at from jobs;
    insert into agents (npub, name, lifecycle_state) values ('a', 'A', 'active'), ('b', 'B', 'active');
    insert into tick_history (agent_npub, tick_number)
      with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000)
      select case when i % 2 then 'a' else 'b' end, i from n;`);
  db.close();
  return await PylonDb.open(path, { clock: () => 5000, onQuery: ({ sql }) => onQuery(sql) });
}

/** Calls every method of every service, in every variant that makes SQL of its own. */
async function callEverything(db: PylonDb): Promise<void> {
  const { jobs, earnings, agents } = db;
  const job = { created_at: 100, id: 'job100' };
  await jobs.create({ id: 'new', kind: 1, customer_pubkey: 'c' });
  await jobs.createIfNew({ id: 'new', kind: 1, customer_pubkey: 'c' });
  await jobs.create({ id: 'new', kind: 1, customer_pubkey: 'c' }).catch(() => undefined);
  await jobs.get('new');
  await jobs.updateStatus('new', 'processing');
  await jobs.updateStatus('new', 'processing');
  await jobs.fail('new', 'broken');
  await jobs.updateStatus('new', 'pending', { from: 'failed' });
  await jobs.complete('new', { price_msats: 5 });
  await jobs.claimNext();
  await jobs.claimNext({ kinds: [5100] });
  await jobs.claimNext({ kinds: [5100, 5050] });
  await jobs.create({
    id: 'stale',
    kind: 1,
    customer_pubkey: 'c',
    status: 'processing',
    started_at: 1,
  });
  await jobs.requeueStale({ startedBefore: 5000 });
  await jobs.completeWithPayment('job50', { price_msats: 9, payment_hash: 'paid' });
  await jobs.completeWithPayment('job50', { price_msats: 9, payment_hash: 'paid' });
  await jobs.completeWithPayment('job100', { price_msats: 9 });
  await jobs.completeWithPayment('job200', { price_msats: 6 });
  await jobs.completeWithPayment('job200', { price_msats: 6, payment_hash: 'later' });
  await jobs.complete('job250', { price_msats: 7 });
  await jobs.completeWithPayment('job250', { price_msats: 7, payment_hash: 'unpaid' });
  await jobs.completeWithPayment('job250', {
    price_msats: 7,
    payment_hash: 'unpaid',
    preimage: 'p',
  });
  await jobs.complete('job300', { price_msats: 8 });
  await jobs.completeWithPayment('job300', { price_msats: 8 });
  await jobs.cancel('job150');
  for (const customer of [{}, { customer_pubkey: 'customer1' }]) {
    for (const status of [{}, { status: 'completed' as const }]) {
      for (const before of [{}, { before: job }]) {
        await jobs.list({ ...customer, ...status, ...before, limit: 20 });
      }
    }
  }
  await jobs.listByStatus('completed');
  await jobs.countByStatus();
  await earnings.record({ id: 'tip', amount_msats: 1, source: 'tip' });
  await earnings.recordForJob('new', 5, { payment_hash: 'other' });
  await earnings.get('tip');
  await earnings.forJob('new');
  await earnings.byPaymentHash('other');
  await earnings.total();
  await earnings.summary();
  await earnings.today();
  await earnings.recent();
  await earnings.inRange(10, 200);
  await earnings.inRange(10, 200, { limit: 5, before: { earned_at: 100, id: 'earnjob100' } });
  await earnings.rollup({ by: 'hour' });
  await agents.upsert({ npub: 'c', name: 'C', lifecycle_state: 'active' });
  await agents.get('c');
  await agents.listByState('active');
  await agents.listAll();
  await agents.updateState('c', 'dormant');
  await agents.updateState('c', 'active', { from: ['dormant'] });
  await agents.update('c', { name: 'D', memory_json: '[]' });
  await agents.updateBalance('c', 10);
  await agents.adjustBalance('c', -3);
  await agents.adjustBalance('c', -30).catch(() => undefined);
  await agents.recordTick('c', { tick_number: 1 });
  await agents.recordTick('c', {});
  for (const _ of [1, 2])
    await agents.recordTick('c', { tick_number: 9, cost_sats: 1, charge: true });
  await agents.tickHistory('a');
  await agents.tickHistory('a', { before: { tick_number: 9, id: 9 } });
  await agents.pruneTicks({ before: 50 });
  await agents.delete('c');
}

/** The SQL of everything that ran, once each, in order, and its plan as the sqlite3 shell prints it. */
async function plansOfEverything(): Promise<Map<string, string[]>> {
  const path = join(temporaryFolder(), 'pylon.db');
  const ran = new Set<string>();
  const db = await filledDatabase(path, (sql) => ran.add(sql));
  await callEverything(db);
  await breakRows(path);
  await db.jobs.countByStatus().catch(() => undefined);
  await db.earnings.total().catch(() => undefined);
  await db.earnings.today().catch(() => undefined);
  await db.close();

  const reader = new Database(path, { readonly: true });
  const plans = new Map<string, string[]>();
  for (const sql of ran) {
    const rows = reader
      .prepare<unknown[], { detail: string }>(`explain query plan ${sql}`)
      .all(...Array.from(sql.matchAll(/\?/g), () => null));
    plans.set(
      sql,
      rows.map(({ detail }) => detail),
    );
  }
  reader.close();
  return plans;
}

async function breakRows(path: string): Promise<void> {
  const db = new Database(path);
  db.pragma('ignore_check_constraints = on');
  db.exec(`update jobs set status = 'lost' where id = 'job1';
    update earnings set amount_msats = 'much', earned_at = 9999 where id = 'earnjob1'`);
  db.close();
}

test('no service query scans a history or sorts more than ties or a few rows', async () => {
  const plans = await plansOfEverything();

  for (const [sql, plan] of plans) {
    if (SEARCHES_FOR_A_BAD_ROW.some((search) => search.test(sql))) continue;
    for (const detail of plan) {
      const isScan = HISTORY.some((table) => new RegExp(`^SCAN ${table}\\b`).test(detail));
      const allowed = ALLOWED_SCANS.some((scan) => scan.test(detail)) && /limit \?/i.test(sql);
      expect(!isScan || allowed, `${sql}\n${detail}`).toBe(true);
      if (detail === 'USE TEMP B-TREE FOR ORDER BY') {
        const few = plan.some((line) => FEW_ROWS.some((source) => source.test(line)));
        expect(few, `${sql}\n${plan.join('\n')}`).toBe(true);
      }
    }
  }
});

test('the compiled SQL and the plans are those that were reviewed', async () => {
  const plans = await plansOfEverything();

  const text = [...plans]
    .map(([sql, plan]) => `${sql}\n${plan.map((detail) => `    ${detail}\n`).join('')}`)
    .sort()
    .join('\n');

  await expect(text).toMatchFileSnapshot('plans.txt');
});
