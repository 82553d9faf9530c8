import { type ExpressionBuilder, type QueryCreator, sql } from 'kysely';
import type { DB, JobStatus } from '../../generated/db.js';
import { type Hashed, isRecorded, ofJobAtPrice } from '../earnings/payment-queries.js';
import { type Params, prepared } from '../engine/prepared.js';
import type { SqlSyntax } from '../engine/sql-syntax.js';
import { JOB_IDS, JOB_ROWS, returningSound, SOUND_JOB_ROWS } from './job.js';
import { jobOutcome } from './queries.js';
import { sourcesOf } from './transitions.js';

/** How jobs end with a result. A job that has ended so already is given what it still lacks. */

type JobExpressions = ExpressionBuilder<DB, 'jobs'>;

/** In SQL, {@link sourcesOf} `status`. SQLite makes a table of a list of three, for each call. */
function mayBecome(eb: JobExpressions, status: JobStatus) {
  return eb.or(sourcesOf(status).map((source) => eb('status', '=', source)));
}

/** What a job's work gave; `null` for an output hash that is not known. */
interface Result {
  id: string;
  output_hash: string | null;
  price_msats: number;
}

/** What completes a job. */
interface Completed extends Result {
  now: number;
}

/** When the job became `status`: now, unless it is so already. */
function endedAt(eb: JobExpressions, status: JobStatus, now: Params<Completed>['now']) {
  return eb
    .case()
    .when('status', '=', status)
    .then(eb.fn.coalesce('completed_at', now))
    .else(now)
    .end();
}

/** Of a job that has ended, the time is kept, and must be one that can be read. */
function hasSoundEnd(eb: JobExpressions, syntax: SqlSyntax) {
  return eb.or([eb('completed_at', 'is', null), syntax.isSafeInteger('completed_at')]);
}

/** What completing sets. */
function completion(eb: JobExpressions, p: Params<Completed>) {
  return {
    status: 'completed' as const,
    output_hash: eb.fn.coalesce(p.output_hash, 'output_hash'),
    price_msats: p.price_msats,
    error_message: null,
    completed_at: endedAt(eb, 'completed', p.now),
  };
}

/** Columns that {@link completion} sets whatever they held. */
const SET_BY_COMPLETION = ['price_msats', 'error_message', 'completed_at'] as const;

/** In SQL, {@link isOpenTo} completing, and that completing it changes something. */
function isCompletable(eb: JobExpressions, p: Params<Result>, syntax: SqlSyntax) {
  const isGiven = eb(eb.cast(p.output_hash, 'text'), 'is not', null);
  return eb.and([
    eb.or([
      mayBecome(eb, 'completed'),
      eb.and([
        eb('status', '=', 'completed'),
        eb('price_msats', 'in', [eb.lit(0), p.price_msats]),
        eb('output_hash', 'is', null).or(
          eb('output_hash', '=', eb.fn.coalesce(p.output_hash, 'output_hash')),
        ),
        hasSoundEnd(eb, syntax),
        eb.or([
          eb('price_msats', '<>', p.price_msats),
          eb('output_hash', 'is', null).and(isGiven),
          eb('completed_at', 'is', null),
        ]),
      ]),
    ]),
  ]);
}

const completable = prepared(
  'jobs.complete wanted',
  (db, p: Params<Result>, syntax) =>
    db
      .selectFrom('jobs')
      .select('id')
      .where('id', '=', p.id)
      .where((eb) => isCompletable(eb, p, syntax))
      .where(JOB_ROWS.isSound(syntax, ...SET_BY_COMPLETION))
      .forUpdate(),
  JOB_IDS,
  { locks: { job: 'id' } },
);

export const completeJob = prepared(
  'jobs.complete',
  (db, p: Params<Completed>, syntax) =>
    db
      .updateTable('jobs')
      .set((eb) => completion(eb, p))
      .where('id', '=', p.id)
      .where((eb) => isCompletable(eb, p, syntax))
      .$call(returningSound(syntax, ...SET_BY_COMPLETION)),
  SOUND_JOB_ROWS,
  {
    locks: { job: 'id' },
    outcome: {
      ...jobOutcome,
      wanted: ({ id, output_hash, price_msats }) => completable({ id, output_hash, price_msats }),
    },
  },
);

/** The job, and nobody else's until the unit is stored, while it is completed like this. */
export const lockCompletedJob = prepared(
  'jobs.completeWithPayment lock',
  (db, p: Params<Result>) =>
    db
      .selectFrom('jobs')
      .select(JOB_ROWS.columns)
      .where('id', '=', p.id)
      .where('status', '=', 'completed')
      .where('price_msats', '=', p.price_msats)
      .where(({ eb, fn }) =>
        eb(
          fn.coalesce('output_hash', sql.lit('')),
          '=',
          fn.coalesce(p.output_hash, 'output_hash', sql.lit('')),
        ),
      )
      .forUpdate(),
  JOB_ROWS,
  { locks: { job: 'id' } },
);

const completeOpen = (db: QueryCreator<DB>, p: Params<Completed>, syntax: SqlSyntax) =>
  db
    .updateTable('jobs')
    .set((eb) => completion(eb, p))
    .where('id', '=', p.id)
    .where((eb) => mayBecome(eb, 'completed'))
    .where(JOB_ROWS.isSound(syntax, ...SET_BY_COMPLETION));

/** Completes a job that isn't completed, unless an earning stands that may be its payment. */
export const completeUnpaidJob = prepared(
  'jobs.completeWithPayment',
  (db, p: Params<Completed>, syntax) =>
    completeOpen(db, p, syntax)
      .where(({ exists, not }) => not(exists(ofJobAtPrice(db, priceOf(p)))))
      .returning(JOB_ROWS.columns),
  JOB_ROWS,
  { locks: { job: 'id' }, outcome: jobOutcome },
);

/** Like {@link completeUnpaidJob}, unless its payment's hash stands, too. */
export const completeUnpaidJobByHash = prepared(
  'jobs.completeWithPayment by hash',
  (db, p: Params<Completed & Hashed>, syntax) =>
    completeOpen(db, p, syntax)
      .where(({ exists, not }) => not(exists(ofJobAtPrice(db, priceOf(p)))))
      .where(({ not }) => not(isRecorded(db, p)))
      .returning(JOB_ROWS.columns),
  JOB_ROWS,
  { locks: { job: 'id', payment: 'payment_hash' }, outcome: jobOutcome },
);

const priceOf = (p: Params<Completed>) => ({ job_id: p.id, amount_msats: p.price_msats });

/** The job that can fail: it isn't final, or failed without a message. */
const canFail = (p: Params<{ id: string }>, syntax: SqlSyntax) => (eb: JobExpressions) =>
  eb.and([
    eb('id', '=', p.id),
    eb.or([
      mayBecome(eb, 'failed'),
      eb.and([
        eb('status', '=', 'failed'),
        eb('error_message', 'is', null),
        hasSoundEnd(eb, syntax),
      ]),
    ]),
  ]);

/** Columns that failing sets whatever they held. */
const SET_BY_FAILURE = ['error_message', 'completed_at'] as const;

const ableToFail = prepared(
  'jobs.fail wanted',
  (db, p: Params<{ id: string }>, syntax) =>
    db
      .selectFrom('jobs')
      .select('id')
      .where(canFail(p, syntax))
      .where(JOB_ROWS.isSound(syntax, ...SET_BY_FAILURE))
      .forUpdate(),
  JOB_IDS,
  { locks: { job: 'id' } },
);

export const failJob = prepared(
  'jobs.fail',
  (db, p: Params<{ id: string; error_message: string; now: number }>, syntax) =>
    db
      .updateTable('jobs')
      .set((eb) => ({
        status: 'failed',
        error_message: p.error_message,
        completed_at: endedAt(eb, 'failed', p.now),
      }))
      .where(canFail(p, syntax))
      .$call(returningSound(syntax, ...SET_BY_FAILURE)),
  SOUND_JOB_ROWS,
  {
    locks: { job: 'id' },
    outcome: { ...jobOutcome, wanted: ({ id }) => ableToFail({ id }) },
  },
);
