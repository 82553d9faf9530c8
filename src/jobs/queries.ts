import type { ExpressionBuilder } from 'kysely';
import { type DB, JOB_STATUSES, type JobStatus } from '../../generated/db.js';
import { type Params, prepared } from '../engine/prepared.js';
import type { SqlSyntax } from '../engine/sql-syntax.js';
import { PlainRows } from '../schema/plain-row.js';
import { integer, text } from '../schema/tables.js';
import { JOB_IDS, JOB_ROWS, type JobPageStart, returningSound, SOUND_JOB_ROWS } from './job.js';
import { isTerminal, sourcesOf } from './transitions.js';

/**
 * What the service stores or asks, each query built once and compiled on first use. How workers take
 * jobs is in `queue-queries.ts`, how jobs end with a result in `ending-queries.ts`.
 */

export const getJob = prepared(
  'jobs.get',
  (db, p: Params<{ id: string }>) =>
    db.selectFrom('jobs').select(JOB_ROWS.columns).where('id', '=', p.id),
  JOB_ROWS,
);

/** Like {@link getJob}, and nobody else changes the job until the unit is stored. */
export const lockJob = prepared(
  'jobs.get for a move',
  (db, p: Params<{ id: string }>) =>
    db.selectFrom('jobs').select(JOB_ROWS.columns).where('id', '=', p.id).forUpdate(),
  JOB_ROWS,
  { locks: { job: 'id' } },
);

/** A job that a write touched stands. */
export const jobOutcome = {
  table: 'jobs',
  what: ({ id }: { id: string }) => `job ${id}`,
  look: ({ id }: { id: string }) => getJob({ id }),
} as const;

interface StatusChange {
  id: string;
  status: JobStatus;
  /** `null` keeps the stored one. */
  started_at: number | null;
  completed_at: number | null;
  from: string;
}

type Leaving = Pick<StatusChange, 'id' | 'from'>;

/** The job whose status is in `from`, a JSON list. */
const canLeave =
  (p: Params<Leaving>, syntax: SqlSyntax) =>
  ({ and, eb }: ExpressionBuilder<DB, 'jobs'>) =>
    and([eb('id', '=', p.id), eb('status', 'in', syntax.texts<JobStatus>(p.from))]);

const ableToLeave = prepared(
  'jobs.updateStatus wanted',
  (db, p: Params<Leaving>, syntax) =>
    db
      .selectFrom('jobs')
      .select('id')
      .where(canLeave(p, syntax))
      .where(JOB_ROWS.isSound(syntax, 'completed_at'))
      .forUpdate(),
  JOB_IDS,
  { locks: { job: 'id' } },
);

/** Changes the status when the current one is in `from`: the rule is in the WHERE. */
const changeStatus = prepared(
  'jobs.updateStatus',
  (db, p: Params<StatusChange>, syntax) =>
    db
      .updateTable('jobs')
      .set((eb) => ({
        status: p.status,
        started_at: eb.fn.coalesce(p.started_at, 'started_at'),
        completed_at: p.completed_at,
        error_message: eb
          .case()
          .when(p.status, '=', 'completed')
          .then(null)
          .else(eb.ref('error_message'))
          .end(),
      }))
      .where(canLeave(p, syntax))
      .$call(returningSound(syntax, 'completed_at')),
  SOUND_JOB_ROWS,
  {
    locks: { job: 'id' },
    outcome: { ...jobOutcome, wanted: ({ id, from }) => ableToLeave({ id, from }) },
  },
);

/** A move to `status` at `now`, legal from those of `from` that the transitions allow. */
export function moveTo(id: string, status: JobStatus, now: number, from?: readonly JobStatus[]) {
  const sources = sourcesOf(status).filter((source) => from?.includes(source) ?? true);
  return changeStatus({
    id,
    status,
    started_at: status === 'processing' ? now : null,
    completed_at: isTerminal(status) ? now : null,
    from: JSON.stringify(sources),
  });
}

interface Page {
  readonly status?: JobStatus | undefined;
  readonly customer_pubkey?: string | undefined;
  readonly before?: JobPageStart | undefined;
  readonly limit: number;
}

interface PageValues extends JobPageStart {
  status: JobStatus;
  customer_pubkey: string;
  limit: number;
}

type PageQuery = ReturnType<typeof listQuery>;
const pageQueries = new Map<string, PageQuery>();

/** A page of jobs, newest first, filtered by what `page` gives and starting after its row. */
export function listJobs(page: Page) {
  const filters = FILTERS.filter((name) => page[name] !== undefined);
  const name = `jobs.list ${filters.join(' ')}`.trimEnd();
  let query = pageQueries.get(name);
  if (query === undefined) {
    query = listQuery(name, new Set(filters));
    pageQueries.set(name, query);
  }
  // What is no filter has no place in the query.
  const { status = 'pending', customer_pubkey = '', before, limit } = page;
  const { created_at, id } = before ?? { created_at: 0, id: '' };
  return query({ status, customer_pubkey, created_at, id, limit });
}

const FILTERS = ['status', 'customer_pubkey', 'before'] as const;

function listQuery(name: string, filters: ReadonlySet<(typeof FILTERS)[number]>) {
  const ofCustomer = filters.has('customer_pubkey');
  // The order begins with the status, so that no planner walks the times of a whole history to find
  // the few rows of a rare one.
  const ofStatus = filters.has('status') && !ofCustomer;
  return prepared(
    name,
    (db, p: Params<PageValues>, syntax) => {
      const { status, created_at, id } = p;
      return db
        .selectFrom('jobs')
        .select(JOB_ROWS.columns)
        .$if(ofCustomer, (query) => query.where('customer_pubkey', '=', p.customer_pubkey))
        .$if(ofCustomer && filters.has('status'), (query) =>
          // One customer's rows are few; by its index, SQLite would walk all of one status.
          query.where(syntax.unindexed<JobStatus>('status'), '=', status),
        )
        .$if(ofStatus, (query) =>
          query
            .where(
              filters.has('before')
                ? syntax.beforeInOrder('status', status, { created_at, id })
                : syntax.equalInOrder('status', status),
            )
            .orderBy('status', 'desc'),
        )
        .$if(filters.has('before') && !ofStatus, (query) =>
          query.where(({ eb, refTuple, tuple }) =>
            eb(refTuple('created_at', 'id'), '<', tuple(created_at, id)),
          ),
        )
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .limit(p.limit);
    },
    JOB_ROWS,
    // A server finds the jobs of a rare customer by its index, and those of a common one by their time.
    { plannedEachTime: ofCustomer },
  );
}

const TOTAL_ROWS = new PlainRows([text('status'), integer('count')], (row): JobTotal => row);

export const jobTotals = prepared(
  'jobs.countByStatus',
  (db) => db.selectFrom('pylon_db_job_totals').select(TOTAL_ROWS.columns),
  TOTAL_ROWS,
);

/** How many jobs one status has, or `invalid`. */
export interface JobTotal {
  status: string;
  count: number;
}

/** One job that counts as invalid; only asked when there is one. */
export const invalidJob = prepared(
  'jobs.countByStatus invalid',
  (db) =>
    db
      .selectFrom('jobs')
      .select(JOB_ROWS.columns)
      .where('status', 'not in', [...JOB_STATUSES])
      .limit(1),
  JOB_ROWS,
);
