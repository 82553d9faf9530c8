import type Database from 'better-sqlite3';

const MAX_SAFE = 9_007_199_254_740_991n;
const STATUSES = ['pending', 'processing', 'completed', 'failed', 'cancelled'];
const SOURCES = ['job', 'tip', 'other'];

/** The hours of the totals of all time, and of the count of paid jobs, in `pylon_db_earning_hours`. */
export const ALL_TIME = 9_223_372_036_854_775_807n;
export const PAID_JOBS = ALL_TIME - 1n;

/** The hour of times that are not numbers. */
const NO_HOUR = 2_562_047_788_015_216n;

/** What the rollups must say of the tables next to them. */
export interface Totals {
  readonly jobs: Readonly<Record<string, bigint>>;
  readonly amounts: Readonly<Record<string, bigint>>;
  readonly earnings: Readonly<Record<string, bigint>>;
  readonly paidJobs: bigint;
  /** By hour and source: amount and count, and the same of the first one, two and three quarters. */
  readonly hours: Readonly<Record<string, readonly bigint[]>>;
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
  const hours: Record<string, bigint[]> = {};
  for (const { source, amount_msats, job, earned_at } of rowsOf(
    db,
    'select source, amount_msats, typeof(job_id) || hex(job_id) as job, earned_at from earnings',
  )) {
    const valid = isOneOf(SOURCES, source) && isSafe(amount_msats);
    add(earnings, valid ? source : 'invalid', 1n);
    if (valid) add(amounts, source, BigInt(amount_msats));
    if (job !== 'null') paid.add(String(job));
    const isInHour = valid && isSafe(earned_at);
    const key = `${hourOf(earned_at)} ${isInHour ? source : 'invalid'}`;
    hours[key] ??= [0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n];
    for (const [i, part] of sumsOf(isInHour ? [amount_msats, earned_at] : undefined).entries()) {
      hours[key][i] = (hours[key][i] ?? 0n) + part;
    }
  }
  return { jobs, amounts, earnings, paidJobs: BigInt(paid.size), hours };
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
    hours: hoursOf(db),
  };
}

function hoursOf(db: Database.Database): Record<string, bigint[]> {
  const rows = rowsOf(db, `select * from pylon_db_earning_hours where hour < ${PAID_JOBS}`).map(
    (row): [string, bigint[]] => {
      const sums = ['', '_1', '_2', '_3'].flatMap((end) => [
        (integer(row[`amount_high${end}`]) << 32n) + integer(row[`amount_low${end}`]),
        integer(row[`count${end}`]),
      ]);
      // Of those that can't be summed, the count is all that is asked.
      const isInvalid = row['source'] === 'invalid';
      const asked = isInvalid ? sums.map((sum, i) => (i === 1 ? sum : 0n)) : sums;
      return [`${integer(row['hour'])} ${String(row['source'])}`, asked];
    },
  );
  // Earnings that went leave zeros behind.
  return Object.fromEntries(rows.filter(([, sums]) => sums.some((sum) => sum !== 0n)));
}

/** What one earning adds to the sums of its hour; nothing but itself where it can't be summed. */
function sumsOf(earning: readonly [amount: bigint, earned_at: bigint] | undefined): bigint[] {
  if (earning === undefined) return [0n, 1n, 0n, 0n, 0n, 0n, 0n, 0n];
  const [amount, earned_at] = earning;
  const second = earned_at - hourOf(earned_at) * 3600n;
  const isBefore = [3600n, 900n, 1800n, 2700n].map((end) => second < end);
  return isBefore.flatMap((is) => (is ? [amount, 1n] : [0n, 0n]));
}

function hourOf(earned_at: unknown): bigint {
  // Beyond 64 bits, infinity included, SQLite takes the nearest integer.
  if (typeof earned_at === 'number') {
    if (earned_at >= 2 ** 63) return hourOf(2n ** 63n - 1n);
    return hourOf(earned_at < -(2 ** 63) ? -(2n ** 63n) : BigInt(Math.floor(earned_at)));
  }
  if (typeof earned_at !== 'bigint') return NO_HOUR;
  return earned_at / 3600n - (earned_at % 3600n < 0n ? 1n : 0n);
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
