import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { PylonDb } from '../../src/index.js';
import { connected, describeOnServer, opened } from './own-server.js';

// Each read statement of a service, and each that looks for a row to change, as the server runs it
// after it has planned for good: what it reads must not grow with what is stored.

/** Rows of each history; continuous integration asks for a million. */
const ROWS = Number(process.env['PLAN_ROWS'] ?? 60_000);

/** Executions after which a server no longer plans for the values of one call: five, and one more. */
const WARM = 7;

/** Rows of a page here. */
const LIMIT = 20;

/** Rows that one node of a plan may read: a page, the row versions of the calls before, a payment. */
const FEW = 8 * LIMIT;

/** The second in which half of each history falls. */
const BUSY_SECOND = 1_000_000;

const HISTORY = ['jobs', 'earnings', 'tick_history'];

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly Plans?: readonly PlanNode[];
}

interface Explained {
  readonly 'Query Text': string;
  readonly Plan: PlanNode;
}

const FILL = `
  insert into jobs (id, kind, customer_pubkey, status, started_at, created_at)
  select 'job' || i, case when i = ${ROWS} then 7 else 5050 end,
    case when i % (${ROWS} / 3) = 5 then 'rare' when i % 9 = 0 then 'other' else 'frequent' end,
    case when i = 9 then 'failed' when i = ${ROWS} or i between 100 and 100 + ${ROWS} / 9
      then 'pending' else 'completed' end,
    i, least(i, ${ROWS} / 2) + ${BUSY_SECOND - ROWS / 2}
  from generate_series(1, ${ROWS}) as i;
  insert into earnings (id, job_id, amount_msats, source, payment_hash, earned_at)
  select 'earn' || id, id, 5, 'job', 'hash' || id, created_at from jobs;
  insert into agents (npub, name, lifecycle_state) values ('a', 'A', 'active'), ('b', 'B', 'active');
  insert into tick_history (agent_npub, tick_number)
  select case when i % 2 = 0 then 'a' else 'b' end, i from generate_series(1, ${ROWS}) as i;
  analyze`;

/** Writes the plan of each statement of a connection into the server's log. */
const EXPLAINING = [
  ['session_preload_libraries', 'auto_explain'],
  ['auto_explain.log_min_duration', '0'],
  ['auto_explain.log_analyze', 'on'],
  ['auto_explain.log_timing', 'off'],
  ['auto_explain.log_format', 'json'],
  ['auto_explain.log_nested_statements', 'on'],
]
  .map(([name, value]) => ` -c ${name}=${value}`)
  .join('');

/** The calls, by name; each is made again and again. */
const CALLS: Readonly<Record<string, (db: PylonDb, turn: number) => Promise<unknown>>> = {
  'a customer': (db, turn) => db.jobs.list({ customer_pubkey: customer(turn), limit: LIMIT }),
  'a customer, the next page': (db, turn) =>
    db.jobs.list({ customer_pubkey: customer(turn), limit: LIMIT, before: IN_THE_MIDDLE }),
  'a customer, one status': (db, turn) =>
    db.jobs.list({ customer_pubkey: customer(turn), status: 'completed', limit: LIMIT }),
  'the newest jobs': (db) => db.jobs.list({ limit: LIMIT }),
  'jobs in a busy second': (db) => db.jobs.list({ limit: LIMIT, before: IN_THE_MIDDLE }),
  'jobs of a common status': (db) => db.jobs.list({ status: 'completed', limit: LIMIT }),
  'jobs of a common status in a busy second': (db) =>
    db.jobs.list({ status: 'completed', limit: LIMIT, before: IN_THE_MIDDLE }),
  'jobs of a rare status': (db) => db.jobs.listByStatus('failed', { limit: LIMIT }),
  'jobs of a rare status, the next page': (db) =>
    db.jobs.listByStatus('failed', { limit: LIMIT, before: IN_THE_MIDDLE }),
  'a claim': (db) => db.jobs.claimNext(),
  'a claim of a rare kind': (db) => db.jobs.claimNext({ kinds: [7] }),
  'a claim of some kinds': (db) => db.jobs.claimNext({ kinds: [7, 5050, 1, 2] }),
  'a claim of many kinds that nobody wants': (db) =>
    db.jobs.claimNext({ kinds: Array.from({ length: 16 }, (_, i) => 100 + i) }),
  'the return of stale jobs': (db) => db.jobs.requeueStale({ startedBefore: 1 }),
  'one job': (db) => db.jobs.get('job77'),
  'a job that is completed': (db, turn) => db.jobs.complete(`job${200 + turn}`, { price_msats: 5 }),
  'a job that is paid': (db, turn) =>
    db.jobs.completeWithPayment(`job${300 + turn}`, { price_msats: 9, payment_hash: `new${turn}` }),
  'the newest earnings': (db) => db.earnings.recent(LIMIT),
  'earnings in a busy second': (db) =>
    db.earnings.inRange(0, BUSY_SECOND, {
      limit: LIMIT,
      before: { earned_at: BUSY_SECOND, id: 'earnjob5' },
    }),
  'earnings of a job': (db) => db.earnings.forJob('job77'),
  'a payment': (db) => db.earnings.byPaymentHash('hashjob77'),
  'an earning that is recorded': (db, turn) =>
    db.earnings.recordForJob('job77', 5, { payment_hash: `other${turn}` }),
  ticks: (db) => db.agents.tickHistory('a', { limit: LIMIT }),
  'ticks, the next page': (db) =>
    db.agents.tickHistory('a', { limit: LIMIT, before: { tick_number: ROWS / 2, id: ROWS / 2 } }),
  'a tick that is recorded': (db, turn) =>
    db.agents.recordTick('a', { tick_number: 10 * ROWS + turn }),
};

/** A customer of many jobs, and in the end one of a few, when the plan would be that of the first. */
const customer = (turn: number) => (turn < WARM - 2 ? 'frequent' : 'rare');

const IN_THE_MIDDLE = { created_at: BUSY_SECOND, id: 'job5' };

function touchesHistory({ Plans = [], 'Relation Name': name = '' }: PlanNode): boolean {
  return HISTORY.includes(name) || Plans.some(touchesHistory);
}

/** The nodes that read a history through, or more rows of anything than a page has. */
function heavyNodes(node: PlanNode): string[] {
  const read =
    node['Actual Loops'] *
    (node['Actual Rows'] +
      (node['Rows Removed by Filter'] ?? 0) +
      (node['Rows Removed by Index Recheck'] ?? 0));
  const scans = node['Node Type'] === 'Seq Scan' && HISTORY.includes(node['Relation Name'] ?? '');
  const own =
    scans || read > FEW
      ? [`${node['Node Type']} ${node['Relation Name'] ?? ''}: ${read} rows`]
      : [];
  return [...own, ...(node.Plans ?? []).flatMap(heavyNodes)];
}

/** The plans that stand in a server's log from `offset` on. */
function plansIn(log: string): Explained[] {
  return log
    .split(/^\S+ \S+ \S+ \[\d+\] /m)
    .flatMap((entry) => /plan:\n(?<plan>[\s\S]*)/.exec(entry)?.groups?.['plan'] ?? [])
    .map((plan) => JSON.parse(plan));
}

describeOnServer('plans', (own) => {
  it('no service query scans or sorts a history, however skewed it is', {
    timeout: 600_000,
  }, async () => {
    const { url } = await own.open();
    const outside = await connected(url);
    await outside.query(FILL);
    const log = () => readFileSync(join(own.server.files, '..', 'log'), 'utf8');
    const db = await opened(`${url}${encodeURIComponent(EXPLAINING)}&max=1`, {
      clock: () => BUSY_SECOND + 100,
    });

    const heavy: string[] = [];
    const explained = new Set<string>();
    for (const [name, call] of Object.entries(CALLS)) {
      for (let turn = 0; turn < WARM; turn++) {
        const before = log().length;
        await call(db, turn);
        for (const { Plan, ...rest } of plansIn(log().slice(before))) {
          if (!touchesHistory(Plan)) continue;
          explained.add(name);
          for (const node of heavyNodes(Plan))
            heavy.push(`${name} (${turn}): ${node}\n${rest['Query Text']}`);
        }
      }
    }
    expect([...explained]).toEqual(Object.keys(CALLS));
    expect(heavy).toEqual([]);
  });
});
