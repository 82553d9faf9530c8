import type { EarningsBucket, EarningsSummary, JobStatus } from '../contestant.js';

const DAY_SECONDS = 86_400;
const HIGH_UNIT = 2 ** 32;

/** Sums of one source, from a GROUP BY. */
export interface SourceTotal {
  readonly source: string;
  readonly amount: number;
}

/** A row of our rollup of earnings. */
export interface RolledUp {
  readonly source: string;
  readonly amount_high: number;
  readonly amount_low: number;
}

/** Sums of one day and source. */
export interface DayTotal {
  readonly day: number;
  readonly source: string;
  readonly amount: number;
  readonly count: number;
}

export interface StatusCount {
  readonly status: string;
  readonly count: number;
}

/** All statuses, zeros included. */
export function toCounts(rows: readonly StatusCount[]): Record<JobStatus, number> {
  const counts = { pending: 0, processing: 0, completed: 0, failed: 0, cancelled: 0 };
  for (const { status, count } of rows) {
    if (status in counts) counts[status as JobStatus] = count;
  }
  return counts;
}

export function toTotal(rows: readonly SourceTotal[]): number {
  return rows.reduce((total, { amount }) => total + amount, 0);
}

export function toSummary(rows: readonly SourceTotal[], job_count: number): EarningsSummary {
  const by_source = { job: 0, tip: 0, other: 0 };
  for (const { source, amount } of rows) {
    if (source in by_source) by_source[source as keyof typeof by_source] = amount;
  }
  const total_msats = toTotal(rows);
  return { total_msats, total_sats: Math.trunc(total_msats / 1000), job_count, by_source };
}

/** From the rollup's halves to amounts. */
export function toSourceTotals(rows: readonly RolledUp[]): SourceTotal[] {
  return rows.map(({ source, amount_high, amount_low }) => ({
    source,
    amount: amount_high * HIGH_UNIT + amount_low,
  }));
}

/** One bucket a day from the first to the last, empty ones included. */
export function toDays(rows: readonly DayTotal[], start: number, end: number): EarningsBucket[] {
  const buckets = new Map<number, { -readonly [K in keyof EarningsBucket]: EarningsBucket[K] }>();
  for (let day = Math.floor(start / DAY_SECONDS); day * DAY_SECONDS <= end; day++) {
    const by_source = { job: 0, tip: 0, other: 0 };
    buckets.set(day, { bucket_start: day * DAY_SECONDS, amount_msats: 0, count: 0, by_source });
  }
  for (const { day, source, amount, count } of rows) {
    const bucket = buckets.get(day);
    if (bucket === undefined) continue;
    bucket.amount_msats += amount;
    bucket.count += count;
    if (source in bucket.by_source) bucket.by_source[source as 'job' | 'tip' | 'other'] = amount;
  }
  return [...buckets.values()];
}
