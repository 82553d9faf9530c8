import type { JobStatus } from '../../generated/db.js';

/** The statuses that a job may take from each. `completed` and `cancelled` are final. */
const NEXT: Readonly<Record<JobStatus, readonly JobStatus[]>> = {
  pending: ['processing', 'completed', 'failed', 'cancelled'],
  processing: ['pending', 'completed', 'failed', 'cancelled'],
  // A retry, or work that succeeded after all.
  failed: ['pending', 'processing', 'completed'],
  completed: [],
  cancelled: [],
};

/** Statuses in which a job has ended: they set `completed_at`, the others clear it. */
const TERMINAL: readonly JobStatus[] = ['completed', 'failed', 'cancelled'];

/** Whether a job of this status has ended. */
export function isTerminal(status: JobStatus): boolean {
  return TERMINAL.includes(status);
}

/** The statuses from which a job may become `status`. */
export function sourcesOf(status: JobStatus): JobStatus[] {
  return (Object.keys(NEXT) as JobStatus[]).filter((from) => NEXT[from].includes(status));
}
