import { type Command, Option } from 'commander';
import { JOB_STATUSES, type JobStatus } from '../../../generated/db.js';
import { PylonDbError } from '../../errors.js';
import type { Job, JobPageStart } from '../../jobs/job.js';
import type { PylonDb } from '../../pylon-db.js';
import { badUsage, examples } from '../shell/arguments.js';
import type { Output } from '../shell/output.js';
import {
  beforeOption,
  type Cursor,
  DEFAULT_LIMIT,
  limitOption,
  noteRest,
  type PageOptions,
} from '../shell/pages.js';
import { reading } from '../shell/reading.js';
import { type Column, fields, table } from '../shell/table.js';
import { formatMsats, formatOptionalTime, formatTime } from '../shell/units.js';

interface JobsOptions extends PageOptions {
  readonly status?: JobStatus;
  readonly customer?: string;
}

/** `pylon-db jobs`: lists jobs, newest first, or shows one. */
export function configure(command: Command): void {
  command
    .argument('[id]', 'show this job only, with all its fields')
    .addOption(new Option('--status <status>', 'only jobs of this status').choices(JOB_STATUSES))
    .option('--customer <pubkey>', 'only jobs of this customer')
    .addOption(limitOption())
    .addOption(beforeOption())
    .addHelpText(
      'after',
      examples([
        ['pylon-db jobs', 'the newest jobs'],
        ['pylon-db jobs --status failed --limit 100', 'with their errors'],
        ['pylon-db jobs 6906fcdf…', 'one job'],
      ]),
    )
    .action(async (id: string | undefined, options: JobsOptions) => {
      if (id !== undefined && Object.keys(options).length > 0) {
        throw badUsage(
          'one job by its id takes no list options',
          'Leave out the id, or --status, --customer, --limit and --before.',
        );
      }
      await reading(command, (db, out) =>
        id === undefined ? listJobs(db, out, options) : showJob(db, out, id),
      );
    });
}

async function listJobs(db: PylonDb, out: Output, options: JobsOptions): Promise<void> {
  const { status, customer, limit = DEFAULT_LIMIT, before } = options;
  const list = (size: number, start: Cursor | undefined) =>
    db.jobs.list({
      limit: size,
      ...(status === undefined ? {} : { status }),
      ...(customer === undefined ? {} : { customer_pubkey: customer }),
      ...(start === undefined ? {} : { before: pageStart(start) }),
    });
  const rows = await list(limit, before);
  out.result(rows, () => (rows.length === 0 ? '' : table(out, rows, columnsFor(rows))));
  await noteRest(
    out,
    { rows, limit, what: 'jobs' },
    (job) => ({ position: job.created_at, key: job.id }),
    (cursor) => list(1, cursor),
  );
}

function pageStart({ position, key }: Cursor): JobPageStart {
  return { created_at: position, id: key };
}

const COLUMNS: readonly Column<Job>[] = [
  { title: 'id', cell: (job) => job.id, cut: 'middle' },
  { title: 'status', cell: (job) => job.status },
  { title: 'kind', cell: (job) => String(job.kind), align: 'right' },
  { title: 'price', cell: (job) => formatMsats(job.price_msats), align: 'right' },
  { title: 'created (UTC)', cell: (job) => formatTime(job.created_at) },
];
const ERROR: Column<Job> = { title: 'error', cell: (job) => job.error_message ?? '', cut: 'end' };

function columnsFor(rows: readonly Job[]): readonly Column<Job>[] {
  return rows.some((job) => job.error_message !== null) ? [...COLUMNS, ERROR] : COLUMNS;
}

async function showJob(db: PylonDb, out: Output, id: string): Promise<void> {
  const job = await db.jobs.get(id);
  if (job === undefined) {
    throw new PylonDbError(
      'NOT_FOUND',
      `there is no job ${id}`,
      { entity: 'job', id },
      { hint: 'See `pylon-db jobs --json` for whole ids.' },
    );
  }
  out.result(job, () =>
    fields([
      ['id', job.id],
      ['status', job.status],
      ['kind', String(job.kind)],
      ['customer', job.customer_pubkey],
      ['price', formatMsats(job.price_msats)],
      ['input hash', job.input_hash ?? ''],
      ['output hash', job.output_hash ?? ''],
      ['error', job.error_message ?? ''],
      ['created (UTC)', formatTime(job.created_at)],
      ['started', formatTime(job.started_at)],
      ['completed', formatOptionalTime(job.completed_at)],
    ]),
  );
}
