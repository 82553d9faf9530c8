import { type ExpressionBuilder, type QueryCreator, sql } from 'kysely';
import type { DB } from '../../generated/db.js';
import { noRows, type Params, prepared } from '../engine/prepared.js';
import type { SqlSyntax } from '../engine/sql-syntax.js';
import { JOB_IDS, JOB_ROWS, returningSound, SOUND_JOB_ROWS } from './job.js';
import { getJob } from './queries.js';

/** How workers take jobs from the queue, and how jobs of workers that died come back. */

interface Claim {
  now: number;
  kinds: string;
}

/** The oldest pending job, of any kind or of those in `kinds`, a JSON list. */
function oldestPending(
  db: QueryCreator<DB>,
  p: Params<Claim>,
  syntax: SqlSyntax,
  ofKinds: boolean,
) {
  return (
    db
      .selectFrom('jobs as oldest')
      .select('oldest.id')
      .where(syntax.equalInOrder('oldest.status', sql.lit('pending')))
      // A row of another program that no worker can read must not block the queue.
      .where(JOB_ROWS.isSound(syntax, 'started_at', 'completed_at'))
      .$if(ofKinds, (query) => query.where('oldest.kind', 'in', syntax.integers(p.kinds)))
      .orderBy('oldest.status')
      .orderBy('oldest.created_at')
      .orderBy('oldest.id')
      .limit(1)
      // Where workers claim at once, the next takes the next job and waits for nobody.
      .forUpdate()
      .skipLocked()
  );
}

const claim = (name: string, ofKinds: boolean) => {
  const wanted = prepared(
    `${name} wanted`,
    (db, p: Params<Claim>, syntax) => oldestPending(db, p, syntax, ofKinds),
    JOB_IDS,
  );
  const taken = prepared(
    name,
    (db, p: Params<Claim>, syntax) =>
      db
        .updateTable('jobs')
        .set({ status: 'processing', started_at: p.now, completed_at: null })
        .where('id', '=', oldestPending(db, p, syntax, ofKinds))
        .where('status', '=', 'pending')
        .$call(returningSound(syntax, 'started_at', 'completed_at')),
    SOUND_JOB_ROWS,
    {
      outcome: {
        table: 'jobs',
        what: () => 'the claim of a job',
        wanted: ({ now, kinds }) => wanted({ now, kinds }),
        look: (_, { rows: [job] }) => getJob({ id: job?.id ?? '' }),
      },
    },
  );
  return { wanted, taken };
};
const claimAnyJob = claim('jobs.claimNext', false);
const claimJobOfKinds = claim('jobs.claimNext of kinds', true);

/**
 * `taken` takes the oldest pending job, of any kind when `kinds` is left out; `wanted` finds it and
 * changes nothing.
 */
export function claimJob(now: number, kinds: readonly number[] | undefined) {
  const { wanted, taken } = kinds === undefined ? claimAnyJob : claimJobOfKinds;
  const values = { now, kinds: JSON.stringify(kinds ?? []) };
  return { wanted: wanted(values), taken: taken(values) };
}

interface Stale {
  startedBefore: number;
}

const isStale =
  (p: Params<Stale>) =>
  ({ and, eb }: ExpressionBuilder<DB, 'jobs'>) =>
    and([eb('status', '=', 'processing'), eb('started_at', '<', p.startedBefore)]);

/** Jobs that {@link requeueJobs} would put back. */
export const staleJobs = prepared(
  'jobs.requeueStale wanted',
  (db, p: Params<Stale>) => db.selectFrom('jobs').select('id').where(isStale(p)).forUpdate(),
  JOB_IDS,
);

/** Those of `ids`, a JSON list, that are pending. */
const pendingOf = prepared(
  'jobs.requeueStale look',
  (db, p: Params<{ ids: string }>, syntax) =>
    db
      .selectFrom('jobs')
      .select('id')
      .where('id', 'in', syntax.texts(p.ids))
      .where('status', '=', 'pending'),
  JOB_IDS,
);

export const requeueJobs = prepared(
  'jobs.requeueStale',
  (db, p: Params<Stale>) =>
    db.updateTable('jobs').set({ status: 'pending', completed_at: null }).where(isStale(p)),
  noRows<string>(),
  {
    outcome: {
      table: 'jobs',
      what: () => 'the return of a job to the queue',
      wanted: ({ startedBefore }) => staleJobs({ startedBefore }),
      look: (_values, _result, wanted) => pendingOf({ ids: JSON.stringify(wanted) }),
    },
  },
);
