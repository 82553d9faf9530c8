import type { Earning } from '../earnings/earning.js';
import {
  duplicatePayment,
  mayBePreimage,
  newEarningId,
  type Payment,
  withGapsFilled,
} from '../earnings/payment.js';
import {
  addEarning,
  fillEarning,
  fillEarningAndHash,
  firstOfPayment,
  type JobPrice,
  payJob,
  payJobByHash,
  paymentsOfJob,
} from '../earnings/payment-queries.js';
import { getEarning } from '../earnings/queries.js';
import { hashSpellings } from '../earnings/spelling.js';
import { isStepWithoutRows, type WriteHandle } from '../engine/engine.js';
import type { Bound } from '../engine/prepared.js';
import { rowSwallowedError } from '../engine/refusals.js';
import {
  completeJob,
  completeUnpaidJob,
  completeUnpaidJobByHash,
  lockCompletedJob,
} from './ending-queries.js';
import type { Job } from './job.js';
import { hintForCompleted, illegalMove, isCompletedLike, isOpenTo, unknownJob } from './moves.js';
import { lockJob } from './queries.js';
import { sourcesOf } from './transitions.js';

/** A completed job and the earning that it brought. */
export interface PaidJob {
  readonly job: Job;
  readonly earning: Earning;
}

/** What completes a job with its payment; `null` for what is not known. */
interface Completion {
  readonly id: string;
  readonly price_msats: number;
  readonly output_hash: string | null;
  readonly payment_hash: string | null;
  readonly preimage: string | null;
  readonly now: number;
}

/**
 * Completes a job and records its earning in one unit; of a job or payment that stands, what it
 * lacks is filled. Throws `NOT_FOUND`, `DUPLICATE_PAYMENT`, `ILLEGAL_TRANSITION`, or
 * `SCHEMA_MISMATCH` when a trigger of another program kept a row from being stored.
 */
export async function completePaid(
  db: WriteHandle,
  operation: string,
  completion: Completion,
): Promise<PaidJob> {
  const { id, price_msats, output_hash, payment_hash, now } = completion;
  const earning = newEarning(completion);
  const completed = { id, price_msats, output_hash, now };
  const complete =
    payment_hash === null
      ? completeUnpaidJob(completed)
      : completeUnpaidJobByHash({ ...completed, ...hashSpellings(payment_hash) });
  try {
    // As a rule nothing stands yet: the job is open, and nobody has paid for it.
    const [jobs, , earnings] = await db.write(operation, [
      { query: complete, required: true },
      { query: addEarning({ ...earning }), required: true },
      { query: getEarning({ id: earning.id }), required: true },
    ]);
    const [job] = jobs.rows;
    const [paid] = earnings.rows;
    if (job !== undefined && paid !== undefined) return { job, earning: paid };
  } catch (error) {
    if (!isStepWithoutRows(error)) throw error;
  }
  return await completeStanding(db, operation, completion);
}

/**
 * The same where something stands: looks what, and changes it while it is still so. Looks again
 * when another process was faster.
 */
async function completeStanding(
  db: WriteHandle,
  operation: string,
  completion: Completion,
): Promise<PaidJob> {
  let before: string | undefined;
  for (;;) {
    const look = await lookAt(db, operation, completion);
    const job = look.job ?? unknownJob(operation, completion.id);
    const payment = paymentOf(completion);
    const standing = standingPayment(operation, job, look, payment);
    const full = standing && withGapsFilled(operation, standing, payment);
    if (!isOpenTo(job, completion)) {
      throw illegalMove(operation, job, 'completed', hintForCompleted(job, completion));
    }
    const isCompleted = isCompletedLike(job, completion);
    if (isCompleted && full !== undefined && full === standing) return { job, earning: full };
    const seen = JSON.stringify(look);
    if (seen === before) {
      throw rowSwallowedError(operation, 'jobs or earnings', `the payment of job ${job.id}`);
    }
    before = seen;
    try {
      const { id, price_msats, output_hash, now } = completion;
      const result = { id, price_msats, output_hash };
      const change =
        standing === undefined || full === undefined ? pay(completion) : fill(standing, full);
      const [jobs, , earnings] = await db.write(
        operation,
        [
          // Holds the job until the unit is stored: its other payments wait.
          {
            query: isCompleted ? lockCompletedJob(result) : completeJob({ ...result, now }),
            required: true,
          },
          { query: change.query, required: true },
          { query: getEarning({ id: change.id }), required: true },
        ],
        'continuation',
      );
      const [completed] = jobs.rows;
      const [earning] = earnings.rows;
      if (completed !== undefined && earning !== undefined) return { job: completed, earning };
    } catch (error) {
      if (!isStepWithoutRows(error)) throw error;
    }
  }
}

interface Look {
  readonly job: Job | undefined;
  /** What the job earned at this price. */
  readonly ofJob: readonly Earning[];
  /** What the payment's hash stands for. */
  readonly ofHash: Earning | undefined;
}

/** The job and its payments at one moment. */
async function lookAt(
  db: WriteHandle,
  operation: string,
  { id, price_msats, payment_hash }: Completion,
): Promise<Look> {
  const job = { query: lockJob({ id }) };
  const ofJob = { query: paymentsOfJob({ job_id: id, amount_msats: price_msats }) };
  if (payment_hash === null) {
    const [jobs, earnings] = await db.write(operation, [job, ofJob], 'continuation');
    return { job: jobs.rows[0], ofJob: earnings.rows, ofHash: undefined };
  }
  const ofHash = { query: firstOfPayment(hashSpellings(payment_hash)) };
  const [jobs, earnings, standing] = await db.write(
    operation,
    [job, ofJob, ofHash],
    'continuation',
  );
  return { job: jobs.rows[0], ofJob: earnings.rows, ofHash: standing.rows[0] };
}

/**
 * Which earning the payment is, if one stands: that of its hash, else the job's first at this price
 * that has none. Throws when the job is paid by another.
 */
function standingPayment(
  operation: string,
  job: Job,
  { ofHash, ofJob }: Look,
  payment: Payment,
): Earning | undefined {
  if (ofHash !== undefined) return ofHash;
  const [first] = ofJob;
  if (first === undefined) return undefined;
  const unhashed = ofJob.find(
    (earning) => earning.payment_hash === null && mayBePreimage(earning, payment),
  );
  if (unhashed !== undefined) return unhashed;
  if (payment.payment_hash === null && !sourcesOf('completed').includes(job.status)) {
    throw illegalMove(operation, job, 'completed', OTHER_VALUES);
  }
  throw duplicatePayment(operation, first, OTHER_PAYMENT);
}

const OTHER_VALUES =
  'The given payment_hash or preimage differs from the stored payment_hash or preimage. Repeat the call with what earnings.forJob gives; a further payment goes through earnings.recordForJob.';
const OTHER_PAYMENT =
  'The job is paid at this price, and that payment_hash or preimage differs from the given one. A further payment goes through earnings.recordForJob.';

interface EarningChange {
  readonly id: string;
  readonly query: Bound<unknown>;
}

/** Records the payment, unless another is faster. */
function pay(completion: Completion): EarningChange {
  const earning = newEarning(completion);
  const { id, payment_hash } = earning;
  const query =
    payment_hash === null
      ? payJob({ ...earning })
      : payJobByHash({ ...earning, ...hashSpellings(payment_hash) });
  return { id, query };
}

/** Gives the standing earning what it lacks, or looks that it stands when it lacks nothing. */
function fill(standing: Earning, full: Earning): EarningChange {
  const { id } = full;
  if (full === standing) return { id, query: getEarning({ id }) };
  const query =
    standing.payment_hash === null && full.payment_hash !== null
      ? fillEarningAndHash({ ...full, ...hashSpellings(full.payment_hash) })
      : fillEarning({ ...full });
  return { id, query };
}

function newEarning(completion: Completion): Earning & JobPrice {
  return { id: newEarningId(), ...paymentOf(completion), source: 'job', earned_at: completion.now };
}

function paymentOf({ id, price_msats, payment_hash, preimage }: Completion) {
  return { job_id: id, amount_msats: price_msats, payment_hash, preimage };
}
