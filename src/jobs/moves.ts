import type { JobStatus } from '../../generated/db.js';
import type { Step, WriteHandle } from '../engine/engine.js';
import type { Bound } from '../engine/prepared.js';
import { PylonDbError } from '../errors.js';
import type { Job } from './job.js';
import { lockJob } from './queries.js';
import { sourcesOf } from './transitions.js';

/** A change of status: the update whose WHERE holds the rule, and the rule in words. */
export interface Move {
  readonly id: string;
  readonly to: JobStatus;
  readonly query: Bound<Job>;
  /** Whether the job stands as this call would leave it. */
  isRepeat(job: Job): boolean;
  /** What to do where it neither does nor may become so; left out, the hint says what the rules allow. */
  hint?(job: Job): string | undefined;
}

/**
 * Runs a conditional update and gives the job after it. When it touches nothing, tries once more
 * together with a look at the row: the answer then holds for one moment, whatever others do
 * between. Throws `NOT_FOUND`, `ILLEGAL_TRANSITION`, or `SCHEMA_MISMATCH` when a trigger of another
 * program kept the update from happening.
 */
export async function moveJob(db: WriteHandle, operation: string, move: Move): Promise<Job> {
  const update: Step<Job> = { query: move.query };
  const [first] = await db.write(operation, [update]);
  if (first.rows[0] !== undefined) return first.rows[0];
  const look = { query: lockJob({ id: move.id }) };
  const again: Step<Job> = { ...update, watched: true };
  const [found, moved] = await db.write(operation, [look, again], 'continuation');
  if (moved.rows[0] !== undefined) return moved.rows[0];
  const job = found.rows[0] ?? unknownJob(operation, move.id);
  if (move.isRepeat(job)) return job;
  throw illegalMove(operation, job, move.to, move.hint?.(job));
}

/** The result of a job's work; `null` for an output hash that is not known. */
interface Result {
  readonly price_msats: number;
  readonly output_hash: string | null;
}

/** Whether completing a job like this would repeat what was done. */
export function isCompletedLike(job: Job, result: Result): boolean {
  return (
    job.status === 'completed' &&
    job.price_msats === result.price_msats &&
    (result.output_hash === null || job.output_hash === result.output_hash)
  );
}

/**
 * Whether a job can be completed so: it isn't final yet, or completed and lacks what differs, a
 * price of 0 or an output hash.
 */
export function isOpenTo(job: Job, result: Result): boolean {
  if (sourcesOf('completed').includes(job.status)) return true;
  return job.status === 'completed' && differences(job, result).length === 0;
}

/** What to do about a completed job with another price or output hash. */
export function hintForCompleted(job: Job, result: Result): string | undefined {
  if (job.status !== 'completed') return undefined;
  const fields = differences(job, result);
  if (fields.length === 0) return undefined;
  const differ = fields.map((field) => `The given ${field} differs from the stored ${field}.`);
  return `${differ.join(' ')} Repeat the call with what jobs.get gives; a further payment goes through earnings.recordForJob.`;
}

function differences(job: Job, { price_msats, output_hash }: Result): string[] {
  const fields: string[] = [];
  if (job.price_msats !== 0 && job.price_msats !== price_msats) fields.push('price_msats');
  if (job.output_hash !== null && output_hash !== null && job.output_hash !== output_hash) {
    fields.push('output_hash');
  }
  return fields;
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
export function illegalMove(
  operation: string,
  job: Job,
  to: JobStatus,
  hint = RULES,
): PylonDbError {
  return new PylonDbError(
    'ILLEGAL_TRANSITION',
    `job ${job.id} is ${job.status} and can't become ${to} with these values`,
    { id: job.id, from: job.status, to },
    { operation, hint },
  );
}

const RULES =
  'completed and cancelled are final; a failed job can be retried (updateStatus to pending) or completed.';
