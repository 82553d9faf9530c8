import {
  type Expression,
  type ExpressionBuilder,
  expressionBuilder,
  type QueryCreator,
  type RawBuilder,
  type SqlBool,
} from 'kysely';
import type { DB } from '../../generated/db.js';
import { noRows, type Params, prepared } from '../engine/prepared.js';
import { EARNING_ROWS, type Earning } from './earning.js';
import { getEarning } from './queries.js';

/** Payments: which earning a hash stands for, and what stores one once. */

/** A hash as we store it, and as other programs may have. */
export interface Hashed {
  payment_hash: string;
  upper_hash: string;
}

/** What a job earned at a price. */
export interface JobPrice {
  job_id: string;
  amount_msats: number;
}

/** The first earning of a payment; old files may hold it more than once. */
export const firstOfPayment = prepared(
  'earnings.byPaymentHash',
  (db, p: Params<Hashed>) =>
    db
      .selectFrom('earnings')
      .select(EARNING_ROWS.columns)
      .where('payment_hash', 'in', [p.payment_hash, p.upper_hash])
      .orderBy('earned_at')
      .orderBy('id')
      .limit(1),
  EARNING_ROWS,
);

/** The earnings of a payment, in no order: one as a rule, which this finds for a third of the cost. */
export const earningsOfPayment = prepared(
  'earnings.record look',
  (db, p: Params<Hashed>) => {
    const withHash = (spelling: Params<Hashed>[keyof Hashed]) =>
      db.selectFrom('earnings').select(EARNING_ROWS.columns).where('payment_hash', '=', spelling);
    return withHash(p.payment_hash).unionAll(withHash(p.upper_hash));
  },
  EARNING_ROWS,
);

/**
 * Whether a job's earning pays for its work: a tip does that was recorded first, by the hash that
 * then turned out to be the job's payment.
 */
function isOfItsWork({ eb, or }: ExpressionBuilder<DB, 'earnings'>) {
  return or([eb('earnings.source', '=', 'job'), eb('earnings.payment_hash', 'is not', null)]);
}

/** Payments of a job at one price, oldest first: one as a rule. */
export const paymentsOfJob = prepared(
  'earnings of a job at a price',
  (db, p: Params<JobPrice>) =>
    db
      .selectFrom('earnings')
      .select(EARNING_ROWS.columns)
      .where('job_id', '=', p.job_id)
      .where('amount_msats', '=', p.amount_msats)
      .where(isOfItsWork)
      .orderBy('earned_at')
      .orderBy('id'),
  EARNING_ROWS,
);

/**
 * In SQL, whether a payment stands; rows that others wrote in upper case are found, too. SQLite
 * makes a table of a list, for each call: two searches cost it less.
 */
export function isRecorded(db: QueryCreator<DB>, p: Params<Hashed>) {
  const { exists, or } = expressionBuilder<DB, never>();
  const withHash = (spelling: Params<Hashed>[keyof Hashed]) =>
    db.selectFrom('earnings').select('earnings.id').where('earnings.payment_hash', '=', spelling);
  return or([exists(withHash(p.payment_hash)), exists(withHash(p.upper_hash))]);
}

/** In SQL, the earnings that pay for a job's work at one price. */
export function ofJobAtPrice(db: QueryCreator<DB>, p: Params<JobPrice>) {
  return db
    .selectFrom('earnings')
    .select('earnings.id')
    .where('earnings.job_id', '=', p.job_id)
    .where('earnings.amount_msats', '=', p.amount_msats)
    .where(isOfItsWork);
}

/** An earning that a write touched stands. */
const earningOutcome = {
  table: 'earnings',
  what: ({ id }: { id: string }) => `earning ${id}`,
  look: ({ id }: { id: string }) => getEarning({ id }),
} as const;

/** Stores an earning, whatever stands. */
export const addEarning = prepared(
  'earnings.record',
  (db, p: Params<Earning>) => db.insertInto('earnings').values(EARNING_ROWS.values(p)),
  noRows<Earning>(),
  { locks: { job: 'job_id' }, outcome: { ...earningOutcome, always: true } },
);

/** Stores an earning unless its payment stands. */
export const addPayment = prepared(
  'earnings.record payment',
  (db, p: Params<Earning & Hashed>) => insertUnless(db, p, () => isRecorded(db, p)),
  noRows<Earning>(),
  { locks: { job: 'job_id', payment: 'payment_hash' }, outcome: earningOutcome },
);

/** Stores a job's earning unless one at its price stands. */
export const payJob = prepared(
  'jobs.completeWithPayment pay',
  (db, p: Params<Earning & JobPrice>) =>
    insertUnless(db, p, ({ exists }) => exists(ofJobAtPrice(db, p))),
  noRows<Earning>(),
  { locks: { job: 'job_id' }, outcome: earningOutcome },
);

/** Stores a job's earning unless one at its price stands, or its payment. */
export const payJobByHash = prepared(
  'jobs.completeWithPayment pay by hash',
  (db, p: Params<Earning & JobPrice & Hashed>) =>
    insertUnless(db, p, ({ exists, or }) => or([exists(ofJobAtPrice(db, p)), isRecorded(db, p)])),
  noRows<Earning>(),
  { locks: { job: 'job_id', payment: 'payment_hash' }, outcome: earningOutcome },
);

/** Gives an earning its `job_id` and `preimage`, unless it holds others. */
export const fillEarning = prepared(
  'earnings.record fill',
  (db, p: Params<Earning>) => fill(db, p),
  noRows<Earning>(),
  { locks: { job: 'job_id' }, outcome: earningOutcome },
);

/** Like {@link fillEarning}, with a hash that stands for no earning. */
export const fillEarningAndHash = prepared(
  'earnings.record fill with hash',
  (db, p: Params<Earning & Hashed>) =>
    fill(db, p)
      .set({ payment_hash: p.payment_hash })
      .where('payment_hash', 'is', null)
      .where(({ not }) => not(isRecorded(db, p))),
  noRows<Earning>(),
  { locks: { job: 'job_id', payment: 'payment_hash' }, outcome: earningOutcome },
);

function fill(db: QueryCreator<DB>, p: Params<Earning>) {
  return db
    .updateTable('earnings')
    .set({ job_id: p.job_id, preimage: p.preimage })
    .where('id', '=', p.id)
    .where('amount_msats', '=', p.amount_msats)
    .where(({ eb, or }) => or([eb('job_id', 'is', null), eb('job_id', '=', p.job_id)]))
    .where(({ eb, or }) => or([eb('preimage', 'is', null), eb('preimage', '=', p.preimage)]));
}

function insertUnless(
  db: QueryCreator<DB>,
  p: Params<Earning>,
  stands: (eb: ExpressionBuilder<DB, never>) => Expression<SqlBool>,
) {
  const values: Readonly<Record<keyof Earning, RawBuilder<unknown>>> = p;
  const row = db.selectNoFrom(EARNING_ROWS.names.map((name) => values[name].as(name)));
  return db
    .insertInto('earnings')
    .columns(EARNING_ROWS.names)
    .expression(row.where((eb) => eb.not(stands(eb))));
}
