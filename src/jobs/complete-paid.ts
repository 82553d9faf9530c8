import type { Earning } from '../earnings/earning.js';
import { findPayment, newEarningId, payOnce } from '../earnings/payment.js';
import { isStepUntouched, type WriteHandle } from '../engine/engine.js';
import type { Job } from './job.js';
import { illegalMove, isCompletedLike, unknownJob } from './moves.js';
import { completePaidJob, getJob } from './queries.js';
import { sourcesOf } from './transitions.js';

/** A completed job and the earning that it brought. */
export interface PaidJob {
  readonly job: Job;
  readonly earning: Earning;
}

/** What completes a job with its payment; `null` for what is not known. */
export interface Completion {
  readonly id: string;
  readonly price_msats: number;
  readonly output_hash: string | null;
  readonly payment_hash: string | null;
  readonly preimage: string | null;
  readonly now: number;
}

/**
 * Completes a job and records its earning in one unit. A repeat with the same payment and amount
 * gives what is stored. Throws `NOT_FOUND`, `DUPLICATE_PAYMENT` or `ILLEGAL_TRANSITION`.
 */
export async function completePaid(
  db: WriteHandle,
  operation: string,
  completion: Completion,
): Promise<PaidJob> {
  const { id, price_msats, output_hash, payment_hash, preimage, now } = completion;
  const complete = {
    query: completePaidJob({ id, price_msats, output_hash, payment_hash, now }),
    required: true,
  };
  const pay = payOnce({
    id: newEarningId(),
    job_id: id,
    amount_msats: price_msats,
    source: 'job',
    payment_hash,
    preimage,
    earned_at: now,
  });
  try {
    const [completed, , paid] = await db.write(operation, [complete, ...pay]);
    const [job] = completed.rows;
    const [earning] = paid.rows;
    if (job !== undefined && earning !== undefined) return { job, earning };
  } catch (error) {
    if (!isStepUntouched(error)) throw error;
  }
  return await explain(db, operation, completion);
}

/** Why the job could not be completed: it is a repeat, or an error says what stands in the way. */
async function explain(
  db: WriteHandle,
  operation: string,
  completion: Completion,
): Promise<PaidJob> {
  const { id, price_msats, payment_hash } = completion;
  const job = (await db.first(operation, getJob({ id }), 'follow-up')) ?? unknownJob(operation, id);
  const payment = { job_id: id, amount_msats: price_msats, payment_hash };
  const earning = await findPayment(db, operation, payment);
  if (earning !== undefined && isCompletedLike(job, completion)) return { job, earning };
  // Freed by another process between the two looks: now it can be completed.
  if (sourcesOf('completed').includes(job.status)) {
    return await completePaid(db, operation, completion);
  }
  throw illegalMove(operation, job, 'completed');
}
