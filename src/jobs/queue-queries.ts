import { type ExpressionBuilder, type QueryCreator, type SelectQueryBuilder, sql } from 'kysely';
import type { DB, JobStatus } from '../../generated/db.js';
import { noRows, type Params, prepared } from '../engine/prepared.js';
import type { SqlSyntax } from '../engine/sql-syntax.js';
import { JOB_IDS, JOB_ROWS, returningSound, SOUND_JOB_ROWS } from './job.js';
import { getJob } from './queries.js';

/** How workers take jobs from the queue, and how jobs of workers that died come back. */

interface Claim {
  now: number;
  /** A JSON list; nothing where any kind is claimed. */
  kinds: string;
}

/** Of which kinds a claim is: of any, of those in its list, or of so many that each is looked up. */
type Kinds = 'any' | 'listed' | number;

/** Kinds of one claim that are looked up one by one. One of more looks through the whole queue. */
const LOOKED_UP_AT_MOST = 16;

/** The oldest pending job of these kinds. */
function oldestPending(db: QueryCreator<DB>, p: Params<Claim>, syntax: SqlSyntax, kinds: Kinds) {
  if (typeof kinds === 'number' && kinds > 1) return oldestOfKinds(db, p, syntax, kinds);
  return (
    db
      .selectFrom('jobs as oldest')
      .select('oldest.id')
      .$call((query) =>
        kinds === 1
          ? query
              .where('oldest.status', '=', PENDING)
              .where(syntax.equalInOrder('oldest.kind', syntax.integerAt(p.kinds, 0)))
              .orderBy('oldest.kind')
          : query.where(syntax.equalInOrder('oldest.status', PENDING)).orderBy('oldest.status'),
      )
      // A row of another program that no worker can read must not block the queue.
      .where(JOB_ROWS.isSound(syntax, 'started_at', 'completed_at'))
      .$if(kinds === 'listed', (query) =>
        query.where('oldest.kind', 'in', syntax.integers(p.kinds)),
      )
      .orderBy('oldest.created_at')
      .orderBy('oldest.id')
      .limit(1)
      // Where workers claim at once, the next takes the next job and waits for nobody.
      .forUpdate()
      .skipLocked()
  );
}

/** A constant, so that planners know which index holds all of them. */
const PENDING = sql.lit<JobStatus>('pending');

/**
 * Jobs of each kind that a claim of several may try on a server, where others may have locked the
 * first ones: more than take jobs at once. Without an end, the planner sorts all that wait.
 */
const TRIED_OF_A_KIND = 1000;

/** The oldest of what the index of pending jobs gives for each of several kinds, merged as it comes. */
function oldestOfKinds(db: QueryCreator<DB>, p: Params<Claim>, syntax: SqlSyntax, kinds: number) {
  const ofKind = (place: number) =>
    db
      .selectFrom('jobs')
      .select(['id', 'created_at'])
      .where('status', '=', PENDING)
      .where('kind', '=', syntax.integerAt(p.kinds, place))
      .where(JOB_ROWS.isSound(syntax, 'started_at', 'completed_at'));
  const each = Array.from({ length: kinds }, (_, place) => ofKind(place));
  if (!syntax.locksRows) {
    const first = merged(each).orderBy('created_at').orderBy('id').limit(1);
    return db.selectFrom(first.as('oldest')).select('oldest.id');
  }
  const inOrder = each.map((ofKind) => {
    const tried = ofKind.orderBy('created_at').orderBy('id').limit(TRIED_OF_A_KIND);
    return db.selectFrom(tried.as('of_kind')).select(['of_kind.id', 'of_kind.created_at']);
  });
  // Merged rows can't be locked: those that they stand for are, one after the other.
  return db
    .selectFrom(merged(inOrder).as('candidate'))
    .innerJoin('jobs as oldest', 'oldest.id', 'candidate.id')
    .select('oldest.id')
    .where('oldest.status', '=', PENDING)
    .orderBy('candidate.created_at')
    .orderBy('candidate.id')
    .limit(1)
    .forUpdate('oldest')
    .skipLocked();
}

function merged<Tables extends keyof TB, TB, Out>(
  queries: readonly SelectQueryBuilder<TB, Tables, Out>[],
): SelectQueryBuilder<TB, Tables, Out> {
  return queries.reduce((all, query) => all.unionAll(query));
}

const claim = (name: string, kinds: Kinds) => {
  const wanted = prepared(
    `${name} wanted`,
    (db, p: Params<Claim>, syntax) => oldestPending(db, p, syntax, kinds),
    JOB_IDS,
  );
  const taken = prepared(
    name,
    (db, p: Params<Claim>, syntax) =>
      db
        .updateTable('jobs')
        .set({ status: 'processing', started_at: p.now, completed_at: null })
        .where('id', '=', oldestPending(db, p, syntax, kinds))
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

const claims = new Map<Kinds, ReturnType<typeof claim>>();

/**
 * `taken` takes the oldest pending job, of any kind when `kinds` is left out; `wanted` finds it and
 * changes nothing.
 */
export function claimJob(now: number, kinds: readonly number[] | undefined) {
  const distinct = [...new Set(kinds)];
  const variant = kinds === undefined ? 'any' : variantFor(distinct.length);
  let found = claims.get(variant);
  if (found === undefined) {
    found = claim(`jobs.claimNext${variant === 'any' ? '' : ` of ${variant} kinds`}`, variant);
    claims.set(variant, found);
  }
  const values = { now, kinds: JSON.stringify(distinct) };
  return { wanted: found.wanted(values), taken: found.taken(values) };
}

function variantFor(kinds: number): Kinds {
  return kinds === 0 || kinds > LOOKED_UP_AT_MOST ? 'listed' : kinds;
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
