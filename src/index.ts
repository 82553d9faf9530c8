/** Everything that a backend service imports. */

export {
  type DB,
  EARNING_SOURCES,
  type EarningSource,
  JOB_STATUSES,
  type JobStatus,
  LIFECYCLE_STATES,
  type LifecycleState,
} from '../generated/db.js';
export type { Agent, AgentPatch, NewAgent } from './agents/agent.js';
export type { AgentsService } from './agents/agents-service.js';
export type { NewTick, Tick, TickPageStart } from './agents/tick.js';
export type { Backup } from './backup/backup.js';
export type { BackupOptions } from './backup/backup-options.js';
export type { BackupManifest } from './backup/manifest.js';
export type { OnProgress, Progress } from './backup/progress.js';
export type { Earning, EarningPageStart, NewEarning } from './earnings/earning.js';
export type { EarningsService, EarningsSummary } from './earnings/earnings-service.js';
export type { EarningsBucket, RollupOptions } from './earnings/rollup.js';
export type { BucketWidth } from './earnings/utc-calendar.js';
export type { QueryEvent, SnapshotRows } from './engine/engine.js';
export type { Bound, Params, SqlValue } from './engine/prepared.js';
export { type Bind, type PreparedOptions, prepared } from './engine/typed-query.js';
export {
  type ErrorCode,
  type ErrorDetails,
  isPylonDbError,
  PylonDbError,
  type PylonDbErrorOf,
} from './errors.js';
export type { CreatedJob } from './jobs/create-job.js';
export type { Job, JobPageStart, NewJob } from './jobs/job.js';
export type { JobsService } from './jobs/jobs-service.js';
export type { Migration, MigrationList, MigrationParams } from './migrate/migration.js';
export type { OpenOptions, TransactionOptions } from './options.js';
export { type KnownTables, PylonDb, type PylonDbTransaction } from './pylon-db.js';
