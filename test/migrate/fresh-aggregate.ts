import type Database from 'better-sqlite3';

const MAX_SAFE = 9_007_199_254_740_991n;
const STATUSES = ['pending', 'processing', 'completed', 'failed', 'cancelled'];
const SOURCES = ['job', 'tip', 'other'];

/** What the rollups must say of the tables next to them. */
export interface Totals {
  readonly jobs: Readonly<Record<string, bigint>>;
  readonly amounts: Readonly<Record<string, bigint>>;
  readonly earnings: Readonly<Record<string, bigint>>;
  readonly paidJobs: bigint;
}

/** Counts and sums every row anew, in JavaScript. */
export function freshTotals(db: Database.Database): Totals {
  const jobs = zeros([...STATUSES, 'invalid']);
  for (const { status } of rowsOf(db, 'select status from jobs')) {
    add(jobs, isOneOf(STATUSES, status) ? status : 'invalid', 1n);
  }
  const amounts = zeros(SOURCES);
  const earnings = zeros([...SOURCES, 'invalid']);
  const paid = new Set<string>();
  for (const { source, amount_msats, job } of rowsOf(
    db,
    'select source, amount_msats, typeof(job_id) || hex(job_id) as job, job_id from earnings',
  )) {
    const valid = isOneOf(SOURCES, source) && isSafe(amount_msats);
    add(earnings, valid ? source : 'invalid', 1n);
    if (valid) add(amounts, source, BigInt(amount_msats));
    if (job !== 'null') paid.add(String(job));
  }
  return { jobs, amounts, earnings, paidJobs: BigInt(paid.size) };
}

/** What the rollup tables (or the views in their place) say. */
export function rollupTotals(db: Database.Database): Totals {
  const jobs = rowsOf(db, 'select status, count from pylon_db_job_totals');
  const earnings = rowsOf(db, 'select * from pylon_db_earning_totals');
  const [paid] = rowsOf(db, 'select count from pylon_db_paid_jobs');
  return {
    jobs: byName(jobs, 'status', (row) => integer(row['count'])),
    amounts: byName(
      earnings.filter((row) => row['source'] !== 'invalid'),
      'source',
      (row) => (integer(row['amount_high']) << 32n) + integer(row['amount_low']),
    ),
    earnings: byName(earnings, 'source', (row) => integer(row['count'])),
    paidJobs: integer(paid?.['count']),
  };
}

type Row = Readonly<Record<string, unknown>>;

function rowsOf(db: Database.Database, sql: string): Row[] {
  return db.prepare<[], Row>(sql).safeIntegers().all();
}

function byName(rows: readonly Row[], name: string, value: (row: Row) => bigint) {
  return Object.fromEntries(rows.map((row) => [row[name], value(row)]));
}

function integer(value: unknown): bigint {
  if (typeof value === 'bigint') return value;
  throw new TypeError(`Expected an integer in a rollup, found ${String(value)}`);
}

function zeros(names: readonly string[]): Record<string, bigint> {
  return Object.fromEntries(names.map((name) => [name, 0n]));
}

function add(totals: Record<string, bigint>, name: string, amount: bigint): void {
  totals[name] = (totals[name] ?? 0n) + amount;
}

function isOneOf(words: readonly string[], value: unknown): value is string {
  return typeof value === 'string' && words.includes(value);
}

function isSafe(value: unknown): value is bigint {
  return typeof value === 'bigint' && value <= MAX_SAFE && value >= -MAX_SAFE;
}
