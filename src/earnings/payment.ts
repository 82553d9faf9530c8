import type { ReadHandle } from '../engine/engine.js';
import { PylonDbError } from '../errors.js';
import type { Earning } from './earning.js';
import { earningsOfJob, firstOfPayment, getEarning, insertEarning } from './queries.js';

/** A new earning's id: `earn-` and a random UUID, as published. */
export function newEarningId(): string {
  return `earn-${crypto.randomUUID()}`;
}

/**
 * The statements that record an earning once: nothing is inserted when its payment stands already.
 * The second gives the earning that stands afterwards.
 */
export function payOnce(earning: Earning) {
  const { id, payment_hash } = earning;
  const standing = payment_hash === null ? getEarning({ id }) : firstOfPayment({ payment_hash });
  return [{ query: insertEarning({ ...earning }) }, { query: standing }] as const;
}

/** Gives `standing` when it is the payment that `wanted` is, and throws `DUPLICATE_PAYMENT` if not. */
export function samePayment(
  operation: string,
  standing: Earning,
  wanted: { readonly job_id: string | null; readonly amount_msats: number },
): Earning {
  if (standing.job_id === wanted.job_id && standing.amount_msats === wanted.amount_msats) {
    return standing;
  }
  throw new PylonDbError(
    'DUPLICATE_PAYMENT',
    `this payment is recorded already, as earning ${standing.id}`,
    { existingId: standing.id },
    { operation, hint: 'A payment is recorded once. Look at the existing earning.' },
  );
}

/**
 * The earning that a repeated `completeWithPayment` would record, if it stands: by its hash, or
 * without one by job and amount. Throws `DUPLICATE_PAYMENT` when the hash stands for something else.
 */
export async function findPayment(
  db: ReadHandle,
  operation: string,
  payment: {
    readonly job_id: string;
    readonly amount_msats: number;
    readonly payment_hash: string | null;
  },
): Promise<Earning | undefined> {
  const { job_id, amount_msats, payment_hash } = payment;
  if (payment_hash !== null) {
    const standing = await db.first(operation, firstOfPayment({ payment_hash }), 'follow-up');
    return standing && samePayment(operation, standing, payment);
  }
  const earnings = await db.all(operation, earningsOfJob({ job_id }), 'follow-up');
  return earnings.find(
    (earning) =>
      earning.source === 'job' &&
      earning.payment_hash === null &&
      earning.amount_msats === amount_msats,
  );
}
