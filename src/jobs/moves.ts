import type { JobStatus } from '../../generated/db.js';
import type { Step, WriteHandle } from '../engine/engine.js';
import type { Bound } from '../engine/prepared.js';
import { PylonDbError } from '../errors.js';
import type { Job } from './job.js';
import { lockJob } from './queries.js';

/** A change of status: the update whose WHERE holds the rule, and what a repeat of it looks like. */
export interface Move {
  readonly id: string;
  readonly to: JobStatus;
  readonly query: Bound<Job>;
  isRepeat(job: Job): boolean;
}

/**
 * Runs a conditional update and gives the job after it. When it touches nothing, tries once more
 * together with a look at the row: the answer then holds for one moment, whatever others do
 * between. Throws `NOT_FOUND` or `ILLEGAL_TRANSITION`.
 */
export async function moveJob(db: WriteHandle, operation: string, move: Move): Promise<Job> {
  const update: Step<Job> = { query: move.query };
  const [moved] = await db.write(operation, [update]);
  if (moved.rows[0] !== undefined) return moved.rows[0];
  const look = { query: lockJob({ id: move.id }) };
  const [found, again] = await db.write(operation, [look, update], 'follow-up');
  if (again.rows[0] !== undefined) return again.rows[0];
  const job = found.rows[0] ?? unknownJob(operation, move.id);
  if (move.isRepeat(job)) return job;
  throw illegalMove(operation, job, move.to);
}

/** Whether completing a job like this would repeat what was done. `null` names no output hash. */
export function isCompletedLike(
  job: Job,
  result: { readonly price_msats: number; readonly output_hash: string | null },
): boolean {
  return (
    job.status === 'completed' &&
    job.price_msats === result.price_msats &&
    (result.output_hash === null || job.output_hash === result.output_hash)
  );
}

/** Throws `NOT_FOUND`. */
export function unknownJob(operation: string, id: string): never {
  throw new PylonDbError(
    'NOT_FOUND',
    `there is no job ${id}`,
    { entity: 'job', id },
    { operation, hint: 'Create the job first, or check the id.' },
  );
}

/** The error for a move that the rules forbid. */
export function illegalMove(operation: string, job: Job, to: JobStatus): PylonDbError {
  return new PylonDbError(
    'ILLEGAL_TRANSITION',
    `job ${job.id} is ${job.status} and can't become ${to} with these values`,
    { id: job.id, from: job.status, to },
    { operation, hint: 'completed and cancelled are final; a failed job can only be retried.' },
  );
}
