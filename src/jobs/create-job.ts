import type { Step, WriteHandle } from '../engine/engine.js';
import { type Bound, noRows, type Params, prepared } from '../engine/prepared.js';
import { rowSwallowedError } from '../engine/refusals.js';
import { PylonDbError } from '../errors.js';
import { plusZero } from '../schema/input.js';
import { JOB_IDS, JOB_ROWS, type Job, type NewJob } from './job.js';
import { getJob, jobOutcome } from './queries.js';

/** The id, if a job of it stands, whatever else the job holds. */
const knownJob = prepared(
  'jobs.create known',
  (db, p: Params<{ id: string }>) => db.selectFrom('jobs').select('id').where('id', '=', p.id),
  JOB_IDS,
);

/** Stores a job unless one of its id stands. */
const insertJob = prepared(
  'jobs.create',
  (db, p: Params<Job>, syntax) =>
    db
      .insertInto('jobs')
      .values(JOB_ROWS.values(p))
      .$if(syntax.saysIfNew, (insert) =>
        insert.onConflict((conflict) => conflict.column('id').doNothing()),
      ),
  noRows<Job>(),
  { locks: { job: 'id' }, ifNew: ({ id }) => knownJob({ id }), outcome: jobOutcome },
);

/** A new job as it is stored at `now`. */
export function asStored(job: NewJob, now: number): Job {
  return {
    id: job.id,
    kind: plusZero(job.kind),
    customer_pubkey: job.customer_pubkey,
    status: job.status ?? 'pending',
    price_msats: plusZero(job.price_msats ?? 0),
    input_hash: job.input_hash ?? null,
    output_hash: job.output_hash ?? null,
    error_message: job.error_message ?? null,
    started_at: plusZero(job.started_at ?? now),
    completed_at: plusZero(job.completed_at ?? null),
    created_at: plusZero(job.created_at ?? now),
  };
}

/** A job that was created, or stood already. */
export interface CreatedJob {
  readonly job: Job;
  readonly created: boolean;
}

/** Stores a job and gives it as stored. Throws `ALREADY_EXISTS`, or as {@link addJob} does. */
export async function createJob(db: WriteHandle, operation: string, job: Job): Promise<Job> {
  const { id } = job;
  const added = await addJob(db, operation, job, knownJob({ id }));
  if ('stored' in added) return added.stored;
  throw new PylonDbError(
    'ALREADY_EXISTS',
    `job ${id} is stored already`,
    { entity: 'job', id },
    { operation, hint: 'Give every job an id of its own: its event id.' },
  );
}

/** Stores a job, or gives the one of its id that stands. Throws as {@link addJob} does. */
export async function createIfNew(
  db: WriteHandle,
  operation: string,
  job: Job,
): Promise<CreatedJob> {
  const query = getJob({ id: job.id });
  const look = db.look(operation, query);
  if (look?.row !== undefined) {
    await look.turn;
    return { job: look.row, created: false };
  }
  const added = await addJob(db, operation, job, query);
  return 'stored' in added
    ? { job: added.stored, created: true }
    : { job: added.standing, created: false };
}

/** The job as it was stored, or what `look` gives of the one that stands. */
type Added<Row> = { readonly stored: Job } | { readonly standing: Row };

/**
 * Stores a job, or gives what `look` finds of the one with its id. Throws `SCHEMA_MISMATCH` when a
 * trigger of another program kept it from being stored.
 */
async function addJob<Row>(
  db: WriteHandle,
  operation: string,
  job: Job,
  look: Bound<Row>,
): Promise<Added<Row>> {
  const add: Step<Job> = { query: insertJob({ ...job }) };
  const [added] = await db.write(operation, [add]);
  if (added.affectedRows > 0) return { stored: added.rows[0] ?? job };
  const standing =
    db.look(operation, look, 'continuation')?.row ??
    (await db.first(operation, look, 'continuation'));
  if (standing !== undefined) return { standing };
  // The one that stood is gone meanwhile, or a trigger swallows the new one.
  const [found, again] = await db.write(operation, [{ query: look }, add], 'continuation');
  if (again.affectedRows > 0) return { stored: again.rows[0] ?? job };
  const [stands] = found.rows;
  if (stands !== undefined) return { standing: stands };
  throw rowSwallowedError(operation, 'jobs', `job ${job.id}`);
}
