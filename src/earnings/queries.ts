import { noRow, type Params, prepared } from '../engine/prepared.js';
import { decodeEarning, EARNING_COLUMNS, type Earning } from './earning.js';

/** Everything about single earnings; totals are in `totals.ts`. */

export const getEarning = prepared(
  'earnings.get',
  (db, p: Params<{ id: string }>) =>
    db.selectFrom('earnings').select(EARNING_COLUMNS).where('id', '=', p.id),
  decodeEarning,
);

/** Earnings of one job, newest first. */
export const earningsOfJob = prepared(
  'earnings.forJob',
  (db, p: Params<{ job_id: string }>) =>
    db
      .selectFrom('earnings')
      .select(EARNING_COLUMNS)
      .where('job_id', '=', p.job_id)
      .orderBy('earned_at', 'desc')
      .orderBy('id', 'desc'),
  decodeEarning,
);

/** The first earning of a payment; old files may hold it more than once. */
export const firstOfPayment = prepared(
  'earnings.byPaymentHash',
  (db, p: Params<{ payment_hash: string }>) =>
    db
      .selectFrom('earnings')
      .select(EARNING_COLUMNS)
      .where('payment_hash', '=', p.payment_hash)
      .orderBy('earned_at')
      .orderBy('id')
      .limit(1),
  decodeEarning,
);

/** Inserts nothing when the payment stands already. */
export const insertEarning = prepared(
  'earnings.record',
  (db, p: Params<Earning>) =>
    db
      .insertInto('earnings')
      .columns([...EARNING_COLUMNS])
      .expression(
        db
          .selectNoFrom([
            p.id.as('id'),
            p.job_id.as('job_id'),
            p.amount_msats.as('amount_msats'),
            p.source.as('source'),
            p.payment_hash.as('payment_hash'),
            p.preimage.as('preimage'),
            p.earned_at.as('earned_at'),
          ])
          .where(({ not, exists, selectFrom }) =>
            not(
              exists(
                selectFrom('earnings').select('id').where('payment_hash', '=', p.payment_hash),
              ),
            ),
          ),
      ),
  noRow,
  { locks: { job: 'job_id', payment: 'payment_hash' } },
);

/** The newest earnings first, from all of time. */
export const recentEarnings = prepared(
  'earnings.recent',
  (db, p: Params<{ limit: number }>) =>
    db
      .selectFrom('earnings')
      .select(EARNING_COLUMNS)
      .orderBy('earned_at', 'desc')
      .orderBy('id', 'desc')
      .limit(p.limit),
  decodeEarning,
);

interface Range {
  start: number;
  end: number;
  limit: number;
}

/** Earnings from `start` to `end`, both included, newest first. */
export const earningsInRange = prepared(
  'earnings.inRange',
  (db, p: Params<Range>) =>
    db
      .selectFrom('earnings')
      .select(EARNING_COLUMNS)
      .where('earned_at', '>=', p.start)
      .where('earned_at', '<=', p.end)
      .orderBy('earned_at', 'desc')
      .orderBy('id', 'desc')
      .limit(p.limit),
  decodeEarning,
);

/** Like {@link earningsInRange}, after the row that ended the page before. */
export const earningsInRangeBefore = prepared(
  'earnings.inRange before',
  (db, p: Params<Range & { earned_at: number; id: string }>) =>
    db
      .selectFrom('earnings')
      .select(EARNING_COLUMNS)
      .where('earned_at', '>=', p.start)
      .where('earned_at', '<=', p.end)
      .where(({ eb, refTuple, tuple }) =>
        eb(refTuple('earned_at', 'id'), '<', tuple(p.earned_at, p.id)),
      )
      .orderBy('earned_at', 'desc')
      .orderBy('id', 'desc')
      .limit(p.limit),
  decodeEarning,
);

/** The oldest earning. */
export const firstEarning = prepared(
  'earnings.rollup first',
  (db) =>
    db.selectFrom('earnings').select(EARNING_COLUMNS).orderBy('earned_at').orderBy('id').limit(1),
  decodeEarning,
);
