import { type Admission, isStepWithoutRows, type WriteHandle } from '../engine/engine.js';
import { rowSwallowedError } from '../engine/refusals.js';
import { isPylonDbError, PylonDbError } from '../errors.js';
import type { Earning } from './earning.js';
import {
  addEarning,
  addPayment,
  earningsOfPayment,
  fillEarning,
  firstOfPayment,
  type Hashed,
} from './payment-queries.js';
import { getEarning } from './queries.js';
import { hashSpellings, lowerCaseHex } from './spelling.js';

/** A new earning's id: `earn-` and a random UUID, as published. */
export function newEarningId(): string {
  return `earn-${crypto.randomUUID()}`;
}

/**
 * Records an earning, or gives the one that its payment stands for, after filling what that one
 * lacks. Throws `DUPLICATE_PAYMENT` when the payment stands for something else, `ALREADY_EXISTS`,
 * `NOT_FOUND`, and `SCHEMA_MISMATCH` when a trigger of another program kept it from being stored.
 */
export async function recordOnce(
  db: WriteHandle,
  operation: string,
  wanted: Earning,
): Promise<Earning> {
  const { id, payment_hash } = wanted;
  const hash = payment_hash === null ? undefined : hashSpellings(payment_hash);
  const add = hash === undefined ? addEarning({ ...wanted }) : addPayment({ ...wanted, ...hash });
  const look = hash === undefined ? getEarning({ id }) : earningsOfPayment(hash);
  let before: string | undefined;
  for (let admission: Admission = 'new'; ; admission = 'continuation') {
    let standing: Earning | undefined;
    try {
      const [added, found] = await db.write(
        operation,
        [{ query: add }, { query: look, required: true }],
        admission,
      );
      const stored = added.affectedRows > 0 && found.rows.find((earning) => earning.id === id);
      if (stored) return stored;
      standing = await firstOf(db, operation, found.rows, hash);
      if (standing !== undefined) {
        const full = withGapsFilled(operation, standing, wanted);
        if (full === standing) return standing;
        const fill = { query: fillEarning({ ...full }), required: true };
        const check = { query: getEarning({ id: full.id }), required: true };
        const [, { rows }] = await db.write(operation, [fill, check], 'continuation');
        if (rows[0] !== undefined) return rows[0];
      }
    } catch (error) {
      if (!isStepWithoutRows(error)) throw explained(error, operation, wanted);
    }
    // Once more, for what another process did in between; when that was nothing, it's a trigger.
    const seen = JSON.stringify(standing ?? null);
    if (seen === before) throw rowSwallowedError(operation, 'earnings', `earning ${id}`);
    before = seen;
  }
}

/** The first of a payment's earnings: old files may hold several, which only the database can order. */
async function firstOf(
  db: WriteHandle,
  operation: string,
  [first, ...others]: readonly Earning[],
  hash: Hashed | undefined,
): Promise<Earning | undefined> {
  if (hash === undefined || others.every(({ id }) => id === first?.id)) return first;
  return await db.first(operation, firstOfPayment(hash), 'continuation');
}

/** What a caller may know of an earning that stands. */
export type Payment = Pick<Earning, 'job_id' | 'amount_msats' | 'payment_hash' | 'preimage'>;

/**
 * `standing` as it must be stored when it is the payment that `wanted` is: itself, or a copy with
 * what it lacks. Throws `DUPLICATE_PAYMENT` when it is another payment.
 */
export function withGapsFilled(operation: string, standing: Earning, wanted: Payment): Earning {
  const { job_id, payment_hash, preimage } = standing;
  const isOther =
    (job_id !== null && job_id !== wanted.job_id) || standing.amount_msats !== wanted.amount_msats;
  if (isOther) throw duplicatePayment(operation, standing, OTHER_PAYMENT);
  if (!mayBePreimage(standing, wanted)) throw duplicatePayment(operation, standing, OTHER_PREIMAGE);
  const lacksNothing =
    (job_id !== null || wanted.job_id === null) &&
    (payment_hash !== null || wanted.payment_hash === null) &&
    (preimage !== null || wanted.preimage === null);
  if (lacksNothing) return standing;
  return {
    ...standing,
    job_id: job_id ?? wanted.job_id,
    payment_hash: payment_hash ?? wanted.payment_hash,
    preimage: preimage ?? wanted.preimage,
  };
}

/** Whether the preimages don't tell two payments apart: one is unknown, or both are the same. */
export function mayBePreimage({ preimage }: Earning, wanted: Payment): boolean {
  if (preimage === null || wanted.preimage === null || preimage === wanted.preimage) return true;
  return lowerCaseHex(preimage) === wanted.preimage;
}

/** The error for a payment that would be recorded a second time. */
export function duplicatePayment(
  operation: string,
  standing: Earning,
  hint: string,
): PylonDbError<'DUPLICATE_PAYMENT'> {
  return new PylonDbError(
    'DUPLICATE_PAYMENT',
    `this payment is recorded already, as earning ${standing.id}`,
    { existingId: standing.id },
    { operation, hint },
  );
}

const OTHER_PAYMENT =
  'Its job_id or amount_msats differs from the given one. Look at it with earnings.get.';
const OTHER_PREIMAGE =
  'Its preimage differs from the given one, and a payment has only one. Look at it with earnings.get.';

/** What a broken rule of the schema means for an earning. */
function explained(error: unknown, operation: string, earning: Earning): unknown {
  if (!isPylonDbError(error, 'INVALID_ARGUMENT')) return error;
  if (error.constraint === 'primary_key') {
    return new PylonDbError(
      'ALREADY_EXISTS',
      `earning ${earning.id} is stored already`,
      { entity: 'earning', id: earning.id },
      { operation, cause: error, hint: 'Give every earning an id of its own.' },
    );
  }
  if (error.constraint === 'foreign_key' && earning.job_id !== null) {
    return new PylonDbError(
      'NOT_FOUND',
      `there is no job ${earning.job_id}`,
      { entity: 'job', id: earning.job_id },
      { operation, cause: error, hint: 'Create the job first, or leave job_id out.' },
    );
  }
  return error;
}
