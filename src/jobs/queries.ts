import type { ExpressionBuilder } from 'kysely';
import { type DB, JOB_STATUSES, type JobStatus } from '../../generated/db.js';
import { noRow, type Params, prepared } from '../engine/prepared.js';
import type { SqlSyntax } from '../engine/sql-syntax.js';
import { decodeJob, isSoundJob, JOB_COLUMNS, type Job } from './job.js';
import { isTerminal, sourcesOf } from './transitions.js';

/**
 * What the service stores or asks, each query built once and compiled on first use. How workers take
 * jobs is in `queue-queries.ts`, how jobs end with a result in `ending-queries.ts`.
 */

export const getJob = prepared(
  'jobs.get',
  (db, p: Params<{ id: string }>) =>
    db.selectFrom('jobs').select(JOB_COLUMNS).where('id', '=', p.id),
  decodeJob,
);

/** Like {@link getJob}, and nobody else changes the job until the unit is stored. */
export const lockJob = prepared(
  'jobs.get for a move',
  (db, p: Params<{ id: string }>) =>
    db.selectFrom('jobs').select(JOB_COLUMNS).where('id', '=', p.id).forUpdate(),
  decodeJob,
  { locks: { job: 'id' } },
);

/** A job that a write touched stands. */
export const jobOutcome = {
  table: 'jobs',
  what: ({ id }: { id: string }) => `job ${id}`,
  look: ({ id }: { id: string }) => getJob({ id }),
} as const;

export const insertJob = prepared(
  'jobs.create',
  (db, p: Params<Job>) =>
    db.insertInto('jobs').values({
      id: p.id,
      kind: p.kind,
      customer_pubkey: p.customer_pubkey,
      status: p.status,
      price_msats: p.price_msats,
      input_hash: p.input_hash,
      output_hash: p.output_hash,
      error_message: p.error_message,
      started_at: p.started_at,
      completed_at: p.completed_at,
      created_at: p.created_at,
    }),
  noRow<Job>,
  { locks: { job: 'id' }, outcome: { ...jobOutcome, always: true } },
);

interface StatusChange {
  id: string;
  status: JobStatus;
  /** `null` keeps the stored one. */
  started_at: number | null;
  completed_at: number | null;
  from: string;
  [name: string]: string | number | null;
}

type Leaving = Pick<StatusChange, 'id' | 'from'>;

/** The job whose status is in `from`, a JSON list. */
const canLeave =
  (p: Params<Leaving>, syntax: SqlSyntax) =>
  ({ and, eb }: ExpressionBuilder<DB, 'jobs'>) =>
    and([
      eb('id', '=', p.id),
      eb('status', 'in', syntax.texts<JobStatus>(p.from)),
      isSoundJob(syntax, 'completed_at'),
    ]);

const ableToLeave = prepared(
  'jobs.updateStatus wanted',
  (db, p: Params<Leaving>, syntax) =>
    db.selectFrom('jobs').select('id').where(canLeave(p, syntax)).forUpdate(),
  () => undefined,
  { onlySoundRows: true, locks: { job: 'id' } },
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
      .returning(JOB_COLUMNS),
  decodeJob,
  {
    onlySoundRows: true,
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
  status: JobStatus;
  customer_pubkey: string;
  created_at: number;
  id: string;
  limit: number;
  [name: string]: string | number;
}

type PageQuery = ReturnType<typeof listQuery>;
const pageQueries = new Map<string, PageQuery>();

/** A page of jobs, newest first, filtered by what `page` gives and starting after its row. */
export function listJobs(page: Partial<Page> & { limit: number }) {
  const filters = ['status', 'customer_pubkey', 'created_at'].filter((name) => name in page);
  const name = `jobs.list ${filters.join(' ')}`.trimEnd();
  let query = pageQueries.get(name);
  if (query === undefined) {
    query = listQuery(name, new Set(filters));
    pageQueries.set(name, query);
  }
  return query(page as Page);
}

function listQuery(name: string, filters: ReadonlySet<string>) {
  return prepared(
    name,
    (db, p: Params<Page>, syntax) =>
      db
        .selectFrom('jobs')
        .select(JOB_COLUMNS)
        .$if(filters.has('customer_pubkey'), (query) =>
          query.where('customer_pubkey', '=', p.customer_pubkey),
        )
        .$if(filters.has('status'), (query) =>
          // One customer's rows are few; by its index, SQLite would walk all of one status.
          filters.has('customer_pubkey')
            ? query.where(syntax.unindexed<JobStatus>('status'), '=', p.status)
            : query.where('status', '=', p.status),
        )
        .$if(filters.has('created_at'), (query) =>
          query.where(({ eb, refTuple, tuple }) =>
            eb(refTuple('created_at', 'id'), '<', tuple(p.created_at, p.id)),
          ),
        )
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .limit(p.limit),
    decodeJob,
  );
}

export const jobTotals = prepared(
  'jobs.countByStatus',
  (db) => db.selectFrom('pylon_db_job_totals').select(['status', 'count']),
  (row): JobTotal => ({ status: String(row[0]), count: Number(row[1]) }),
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
      .select(JOB_COLUMNS)
      .where('status', 'not in', [...JOB_STATUSES])
      .limit(1),
  decodeJob,
);
