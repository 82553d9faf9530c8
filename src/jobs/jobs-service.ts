import type { JobStatus } from '../../generated/db.js';
import type { Clock, WriteHandle } from '../engine/engine.js';
import { PylonDbError } from '../errors.js';
import { wrongTotals } from '../schema/row.js';
import { completePaid, type PaidJob } from './complete-paid.js';
import { type CreatedJob, createIfNew, createJob } from './create-job.js';
import { completeJob, failJob } from './ending-queries.js';
import { type Job, type JobPageStart, jobInput, type NewJob } from './job.js';
import { hintForCompleted, isCompletedLike, moveJob } from './moves.js';
import { getJob, invalidJob, type JobTotal, jobTotals, listJobs, moveTo } from './queries.js';
import { claimJob, requeueJobs, staleJobs } from './queue-queries.js';

/** Rows of a page when the caller names no limit, as published. */
const DEFAULT_LIMIT = 100;

const OTHER_MESSAGE =
  'The given error_message differs from the stored error_message: the first failure is kept. After a retry (updateStatus to pending) the job can fail anew.';

/**
 * Jobs of the provider mode. Every method rejects with a `PylonDbError`; bad input with
 * `INVALID_ARGUMENT`, changing nothing. A change of status that the rules forbid throws
 * `ILLEGAL_TRANSITION`, one of an unknown id `NOT_FOUND`.
 */
export class JobsService {
  readonly #db: WriteHandle;
  readonly #clock: Clock;
  /** Whether the latest claim found nothing, or none was made yet. */
  #sawEmptyQueue = true;

  constructor(db: WriteHandle, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** Stores a new job and gives it as stored. Throws `ALREADY_EXISTS` for a known id. */
  create(job: NewJob): Promise<Job> {
    return createJob(this.#db, this.#clock, job);
  }

  /**
   * Stores a new job, or gives the one of its id that stands; its other fields are not compared. A known
   * id is seen without the lock that writers wait for.
   */
  createIfNew(job: NewJob): Promise<CreatedJob> {
    return createIfNew(this.#db, this.#clock, job);
  }

  /** The job, or `undefined` when there is none. */
  async get(id: string): Promise<Job | undefined> {
    jobInput.id(id, 'id', 'jobs.get');
    return await this.#db.first('jobs.get', getJob({ id }));
  }

  /**
   * Moves a job to `status` and gives it as stored. `from` names the statuses it may have now; to
   * the status it already has, without `from`, nothing changes.
   */
  async updateStatus(
    id: string,
    status: JobStatus,
    options: { readonly from?: JobStatus | readonly JobStatus[] } = {},
  ): Promise<Job> {
    const operation = 'jobs.updateStatus';
    jobInput.id(id, 'id', operation);
    jobInput.status(status, 'status', operation);
    jobInput.update(options, 'options', operation);
    const from = typeof options.from === 'string' ? [options.from] : options.from;
    return await moveJob(this.#db, operation, {
      id,
      to: status,
      query: moveTo(id, status, this.#clock(), from),
      isRepeat: (job) => from === undefined && job.status === status,
    });
  }

  /**
   * Completes a job, also a failed one, at its final price in msats; an `output_hash` that is left
   * out (or `null`) keeps the stored one. A completed job is given what it lacks, a price (0) or an
   * output hash; with equal values the stored job comes back.
   */
  async complete(
    id: string,
    result: { readonly output_hash?: string | null; readonly price_msats: number },
  ): Promise<Job> {
    const operation = 'jobs.complete';
    jobInput.id(id, 'id', operation);
    jobInput.completion(result, 'result', operation);
    const { price_msats, output_hash = null } = result;
    const completed = { price_msats, output_hash };
    const query = completeJob({ id, ...completed, now: this.#clock() });
    return await moveJob(this.#db, operation, {
      id,
      to: 'completed',
      query,
      isRepeat: (job) => isCompletedLike(job, completed),
      hint: (job) => hintForCompleted(job, completed),
    });
  }

  /**
   * Completes a job and records what it earned, both or neither. A job completed at price 0, or at
   * this price, may be paid later, once. Repeated it gives what is stored, with the hashes and the
   * preimage that it lacked. Throws `DUPLICATE_PAYMENT` when the hash stands for another job or
   * amount, or the job is paid at this price by another payment.
   */
  async completeWithPayment(
    id: string,
    payment: {
      readonly output_hash?: string | null;
      readonly price_msats: number;
      readonly payment_hash?: string | null;
      readonly preimage?: string | null;
    },
  ): Promise<PaidJob> {
    const operation = 'jobs.completeWithPayment';
    jobInput.id(id, 'id', operation);
    jobInput.payment(payment, 'payment', operation);
    const { price_msats, output_hash = null, payment_hash = null, preimage = null } = payment;
    const now = this.#clock();
    return await completePaid(this.#db, operation, {
      id,
      price_msats,
      output_hash,
      payment_hash,
      preimage,
      now,
    });
  }

  /**
   * Marks a pending or processing job as failed; a failed one without a message is given it.
   * Repeated with the same message it gives the stored job.
   */
  async fail(id: string, error_message: string): Promise<Job> {
    const operation = 'jobs.fail';
    jobInput.id(id, 'id', operation);
    jobInput.errorMessage(error_message, 'error_message', operation);
    const query = failJob({ id, error_message, now: this.#clock() });
    return await moveJob(this.#db, operation, {
      id,
      to: 'failed',
      query,
      isRepeat: (job) => job.status === 'failed' && job.error_message === error_message,
      hint: (job) => (job.status === 'failed' ? OTHER_MESSAGE : undefined),
    });
  }

  /** Cancels a pending or processing job. Repeated it gives the stored job. */
  async cancel(id: string): Promise<Job> {
    const operation = 'jobs.cancel';
    jobInput.id(id, 'id', operation);
    return await moveJob(this.#db, operation, {
      id,
      to: 'cancelled',
      query: moveTo(id, 'cancelled', this.#clock()),
      isRepeat: (job) => job.status === 'cancelled',
    });
  }

  /**
   * Takes the oldest pending job to `processing`, `started_at` now, and gives it; `undefined` when
   * none is pending. Two workers never get the same one, in whatever process. `kinds` narrows it.
   */
  async claimNext(options: { readonly kinds?: readonly number[] } = {}): Promise<Job | undefined> {
    const operation = 'jobs.claimNext';
    jobInput.claim(options, 'options', operation);
    const { wanted, taken } = claimJob(this.#clock(), options.kinds);
    // A worker that polls finds the queue empty as a rule, and then takes no lock from writers.
    const look = this.#sawEmptyQueue ? this.#db.look(operation, wanted) : undefined;
    if (look !== undefined && look.row === undefined) {
      await look.turn;
      return undefined;
    }
    const [claimed] = await this.#db.write(operation, [{ query: taken }]);
    this.#sawEmptyQueue = claimed.rows.length === 0;
    return claimed.rows[0];
  }

  /**
   * Puts `processing` jobs that started before `startedBefore` (unix seconds) back to `pending`:
   * their worker died. Gives how many. A `startedBefore` later than now is refused: it would take
   * every job from its worker.
   */
  async requeueStale(options: { readonly startedBefore: number }): Promise<number> {
    const operation = 'jobs.requeueStale';
    jobInput.stale(options, 'options', operation);
    const { startedBefore } = options;
    if (startedBefore > this.#clock()) throw laterThanNow(operation, 'startedBefore');
    const look = this.#db.look(operation, staleJobs({ startedBefore }));
    if (look !== undefined && look.row === undefined) {
      await look.turn;
      return 0;
    }
    const [requeued] = await this.#db.write(operation, [{ query: requeueJobs({ startedBefore }) }]);
    return requeued.affectedRows;
  }

  /** Jobs, newest `created_at` first, filtered; may be fewer than `limit` (1 … 10,000, default 100). */
  async list(
    options: {
      readonly status?: JobStatus;
      readonly customer_pubkey?: string;
      readonly limit?: number;
      readonly before?: JobPageStart;
    } = {},
  ): Promise<Job[]> {
    jobInput.filter(options, 'options', 'jobs.list');
    return await this.#list('jobs.list', options);
  }

  /** Jobs of one status, newest `created_at` first; `before` takes the last row of the page before. */
  async listByStatus(
    status: JobStatus,
    options: { readonly limit?: number; readonly before?: JobPageStart } = {},
  ): Promise<Job[]> {
    jobInput.status(status, 'status', 'jobs.listByStatus');
    jobInput.page(options, 'options', 'jobs.listByStatus');
    return await this.#list('jobs.listByStatus', { status, ...options });
  }

  /** How many jobs stand in each status, zeros included; costs the same at any number of jobs. */
  async countByStatus(): Promise<Record<JobStatus, number>> {
    const operation = 'jobs.countByStatus';
    let totals = await this.#db.all(operation, jobTotals({}));
    if (leavesOut(totals)) {
      // Decoding the job that doesn't count says what is wrong with it, unless it is repaired now.
      const queries = [jobTotals({}), invalidJob({})] as const;
      [totals] = await this.#db.snapshot(operation, queries, 'continuation');
      if (leavesOut(totals)) throw wrongTotals(operation, 'pylon_db_job_totals');
    }
    const counts = { ...NO_JOBS };
    for (const { status, count } of totals) if (isJobStatus(status)) counts[status] = count;
    return counts;
  }

  async #list(
    operation: string,
    options: {
      readonly status?: JobStatus;
      readonly customer_pubkey?: string;
      readonly limit?: number;
      readonly before?: JobPageStart;
    },
  ): Promise<Job[]> {
    return await this.#db.all(operation, listJobs({ limit: DEFAULT_LIMIT, ...options }));
  }
}

const NO_JOBS: Readonly<Record<JobStatus, number>> = {
  pending: 0,
  processing: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
};

function isJobStatus(status: string): status is JobStatus {
  return Object.hasOwn(NO_JOBS, status);
}

/** Whether a job has a status that is none. */
function leavesOut(totals: readonly JobTotal[]): boolean {
  return totals.some(({ status, count }) => status === 'invalid' && count > 0);
}

function laterThanNow(operation: string, field: string): PylonDbError {
  return new PylonDbError(
    'INVALID_ARGUMENT',
    `${field} must not be later than now`,
    { field },
    { operation, hint: 'Subtract from the time now, in seconds, how long a job may take.' },
  );
}
