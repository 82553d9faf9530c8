import type { EarningSource } from '../../generated/db.js';
import type { Clock, WriteHandle } from '../engine/engine.js';
import { plusZero } from '../schema/input.js';
import { startOfDay } from './buckets.js';
import {
  type Earning,
  type EarningPageStart,
  earningInput,
  type NewEarning,
  wholeSats,
} from './earning.js';
import { type EarningsFigures, figuresEver } from './figures.js';
import { newEarningId, recordOnce } from './payment.js';
import { firstOfPayment } from './payment-queries.js';
import {
  earningsInRange,
  earningsInRangeBefore,
  earningsOfJob,
  getEarning,
  recentEarnings,
} from './queries.js';
import { earnedSince } from './range-sums.js';
import {
  type EarningsBucket,
  type RollupOptions,
  rollup,
  rollupInput,
  type TimeRange,
} from './rollup.js';
import { hashSpellings } from './spelling.js';
import { amountEver, earnedEverWithJobs } from './totals.js';

/** All earnings ever, as published: `total_sats` is truncated, `job_count` counts distinct jobs. */
export interface EarningsSummary {
  readonly total_msats: number;
  readonly total_sats: number;
  readonly job_count: number;
  readonly by_source: Record<EarningSource, number>;
}

/** Rows that `recent` gives when the caller names no limit, as published. */
const DEFAULT_RECENT = 10;

const SECONDS_PER_DAY = 86_400;

/** More rows than any database has. */
const NO_LIMIT = Number.MAX_SAFE_INTEGER;

/**
 * What the node earned. Every method rejects with a `PylonDbError`; bad input with
 * `INVALID_ARGUMENT`, storing nothing. Sums throw `CORRUPT_ROW` or `OUT_OF_RANGE` naming a row
 * that can't be summed, and never give a rounded number.
 */
export class EarningsService {
  readonly #db: WriteHandle;
  readonly #clock: Clock;

  constructor(db: WriteHandle, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /**
   * Stores an earning and gives it as stored. A payment that stands already for the same job and
   * amount gives that earning, with the `preimage` or `job_id` that it lacked; for another,
   * `DUPLICATE_PAYMENT`. Throws `ALREADY_EXISTS` for a known id and `NOT_FOUND` for an unknown job.
   */
  async record(earning: NewEarning): Promise<Earning> {
    earningInput.earning(earning, 'earning', 'earnings.record');
    return await this.#record('earnings.record', earning);
  }

  /** Records what a job earned, in msats, and gives the earning's id, like {@link record}. */
  async recordForJob(
    job_id: string,
    amount_msats: number,
    payment: { readonly payment_hash?: string | null; readonly preimage?: string | null } = {},
  ): Promise<string> {
    const operation = 'earnings.recordForJob';
    earningInput.id(job_id, 'job_id', operation);
    earningInput.amount(amount_msats, 'amount_msats', operation);
    earningInput.payment(payment, 'payment', operation);
    const { payment_hash = null, preimage = null } = payment;
    const earning = await this.#record(operation, {
      id: newEarningId(),
      job_id,
      amount_msats,
      source: 'job',
      payment_hash,
      preimage,
    });
    return earning.id;
  }

  /** The earning, or `undefined` when there is none. */
  async get(id: string): Promise<Earning | undefined> {
    earningInput.id(id, 'id', 'earnings.get');
    return await this.#db.first('earnings.get', getEarning({ id }));
  }

  /** All earnings of one job, newest first. */
  async forJob(job_id: string): Promise<Earning[]> {
    earningInput.id(job_id, 'job_id', 'earnings.forJob');
    return await this.#db.all('earnings.forJob', earningsOfJob({ job_id }));
  }

  /**
   * The earning of a Lightning payment, the first where an old file holds several. The hash may be in
   * upper case, here and in the file.
   */
  async byPaymentHash(payment_hash: string): Promise<Earning | undefined> {
    earningInput.hash(payment_hash, 'payment_hash', 'earnings.byPaymentHash');
    return await this.#db.first(
      'earnings.byPaymentHash',
      firstOfPayment(hashSpellings(payment_hash)),
    );
  }

  /** All earnings ever, in msats; costs the same at any number of them. */
  async total(): Promise<number> {
    return await amountEver(this.#db, 'earnings.total');
  }

  /** All earnings ever, by source, and how many jobs were paid. */
  async summary(): Promise<EarningsSummary> {
    const { earned, job_count } = await earnedEverWithJobs(this.#db, 'earnings.summary');
    return {
      total_msats: earned.amount_msats,
      total_sats: wholeSats(earned.amount_msats),
      job_count,
      by_source: earned.by_source,
    };
  }

  /** @internal Like {@link summary}: each figure by itself, or the error that stands in its way. */
  async figures(): Promise<EarningsFigures> {
    return await this.#db.during('earnings.summary', () =>
      figuresEver(this.#db, 'earnings.summary'),
    );
  }

  /**
   * Msats earned since the day began on the clock of `timeZone`, an IANA zone; what is dated later
   * than now is included.
   */
  async today(options: { readonly timeZone?: string } = {}): Promise<number> {
    const operation = 'earnings.today';
    earningInput.today(options, 'options', operation);
    const { timeZone = 'UTC' } = options;
    const now = this.#clock();
    // UTC by arithmetic: this call is made for every look at a node, and needs no calendar.
    if (timeZone === 'UTC') {
      return (await earnedSince(this.#db, operation, now - (now % SECONDS_PER_DAY))).amount_msats;
    }
    return await this.#db.during(operation, async () => {
      const midnight = await startOfDay(now, timeZone);
      return (await earnedSince(this.#db, operation, midnight, 'continuation')).amount_msats;
    });
  }

  /** The newest earnings first; may be fewer than `limit` (1 … 10,000). */
  async recent(limit: number = DEFAULT_RECENT): Promise<Earning[]> {
    earningInput.limit(limit, 'limit', 'earnings.recent');
    return await this.#db.all('earnings.recent', recentEarnings({ limit }));
  }

  /**
   * Earnings from `start` to `end` in unix seconds, both included, newest first: all of them, or
   * pages of `limit`, where `before` takes the last row of the page before.
   */
  async inRange(
    start: number,
    end: number,
    options: { readonly limit?: number; readonly before?: EarningPageStart } = {},
  ): Promise<Earning[]> {
    const operation = 'earnings.inRange';
    earningInput.timestamp(start, 'start', operation);
    earningInput.timestamp(end, 'end', operation);
    earningInput.page(options, 'options', operation);
    return await this.page(operation, { start, end }, options);
  }

  /** @internal Like {@link inRange}, also beyond the times that a caller may give. */
  async page(
    operation: string,
    { start, end }: TimeRange,
    { limit = NO_LIMIT, before }: { readonly limit?: number; readonly before?: EarningPageStart },
  ): Promise<Earning[]> {
    const query =
      before === undefined
        ? earningsInRange({ start, end, limit })
        : earningsInRangeBefore({ start, limit, ...earlierOf(before, end) });
    return await this.#db.all(operation, query);
  }

  /**
   * What each hour, day, week or month earned, oldest first, empty ones included, all at one
   * instant. Throws `INVALID_ARGUMENT` for more than 10,000 buckets, naming the earning at the far
   * end when the caller named no end.
   */
  async rollup(options: RollupOptions): Promise<EarningsBucket[]> {
    const operation = 'earnings.rollup';
    rollupInput(options, 'options', operation);
    return await this.#db.during(operation, () =>
      rollup(this.#db, operation, options, this.#clock()),
    );
  }

  #record(operation: string, earning: NewEarning): Promise<Earning> {
    const wanted: Earning = {
      id: earning.id,
      job_id: earning.job_id ?? null,
      amount_msats: plusZero(earning.amount_msats),
      source: earning.source,
      payment_hash: earning.payment_hash ?? null,
      preimage: earning.preimage ?? null,
      earned_at: plusZero(earning.earned_at ?? this.#clock()),
    };
    return recordOnce(this.#db, operation, wanted);
  }
}

/** Where a page ends: before the row that `before` names, and at `end` at the latest. */
function earlierOf({ earned_at, id }: EarningPageStart, end: number): EarningPageStart {
  // No id stands before an empty one: what is left of the next second is none of it.
  return earned_at > end ? { earned_at: end + 1, id: '' } : { earned_at, id };
}
