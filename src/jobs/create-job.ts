import type { Clock, Step, WriteHandle } from '../engine/engine.js';
import { type Bound, noRows, type Params, prepared } from '../engine/prepared.js';
import { rowSwallowedError } from '../engine/refusals.js';
import { PylonDbError } from '../errors.js';
import { plusZero } from '../schema/input.js';
import { JOB_IDS, JOB_ROWS, type Job, jobInput, type NewJob } from './job.js';
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
function asStored(job: NewJob, now: number): Job {
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

/** Stores a job; see `JobsService.create` for the contract. */
export async function createJob(db: WriteHandle, clock: Clock, given: NewJob): Promise<Job> {
  const operation = 'jobs.create';
  jobInput.job(given, 'job', operation);
  const job = asStored(given, clock());
  // One function to await in, also below: each keeps a third of a kilobyte while the call waits.
  const add = { query: insertJob(job) };
  const [added] = await db.write(operation, [add]);
  if (added.affectedRows > 0) return added.rows[0] ?? job;
  const { id } = job;
  const again = await standingOrAdded(db, operation, { job, add, look: knownJob({ id }) });
  if ('stored' in again) return again.stored;
  throw new PylonDbError(
    'ALREADY_EXISTS',
    `job ${id} is stored already`,
    { entity: 'job', id },
    { operation, hint: 'Give every job an id of its own: its event id.' },
  );
}

/** Stores a job, or gives the one of its id; see `JobsService.createIfNew` for the contract. */
export async function createIfNew(
  db: WriteHandle,
  clock: Clock,
  given: NewJob,
): Promise<CreatedJob> {
  const operation = 'jobs.createIfNew';
  jobInput.job(given, 'job', operation);
  const job = asStored(given, clock());
  const look = getJob({ id: job.id });
  const seen = db.look(operation, look);
  if (seen?.row !== undefined) {
    await seen.turn;
    return { job: seen.row, created: false };
  }
  const add = { query: insertJob(job) };
  const [added] = await db.write(operation, [add]);
  if (added.affectedRows > 0) return { job: added.rows[0] ?? job, created: true };
  const again = await standingOrAdded(db, operation, { job, add, look });
  return 'stored' in again
    ? { job: again.stored, created: true }
    : { job: again.standing, created: false };
}

interface NotAdded<Row> {
  readonly job: Job;
  readonly add: Step<Job>;
  /** Finds the job of its id. */
  readonly look: Bound<Row>;
}

/**
 * What `look` finds of the job that kept another out; where it is gone, the other as it was stored then.
 * Throws `SCHEMA_MISMATCH` when a trigger of another program kept it out.
 */
async function standingOrAdded<Row>(
  db: WriteHandle,
  operation: string,
  { job, add, look }: NotAdded<Row>,
): Promise<{ readonly stored: Job } | { readonly standing: Row }> {
  const standing =
    db.look(operation, look, 'continuation')?.row ??
    (await db.first(operation, look, 'continuation'));
  if (standing !== undefined) return { standing };
  const [found, again] = await db.write(operation, [{ query: look }, add], 'continuation');
  if (again.affectedRows > 0) return { stored: again.rows[0] ?? job };
  const [stands] = found.rows;
  if (stands !== undefined) return { standing: stands };
  throw rowSwallowedError(operation, 'jobs', `job ${job.id}`);
}
