import type { Insertable, Selectable, UpdateQueryBuilder, UpdateResult } from 'kysely';
import { type DB, JOB_STATUSES } from '../../generated/db.js';
import { oneSecretSpelling, oneSpelling } from '../earnings/spelling.js';
import type { Rows } from '../engine/prepared.js';
import type { SqlSyntax } from '../engine/sql-syntax.js';
import {
  type Check,
  integer,
  key,
  limit,
  listOf,
  nullable,
  object,
  oneOf,
  pageStart,
  storedInteger,
  text,
  timestamp,
} from '../schema/input.js';
import { PlainRows } from '../schema/plain-row.js';
import { TableRows } from '../schema/row.js';
import { JOBS, text as textColumn } from '../schema/tables.js';

/** A row of `jobs`: timestamps in unix seconds, the price in millisatoshis. */
export type Job = Selectable<DB['jobs']>;

/** A job to create. Left out: status `pending`, price 0, `started_at` and `created_at` now. */
export type NewJob = Omit<Insertable<DB['jobs']>, 'status' | 'started_at'> &
  Partial<Pick<Insertable<DB['jobs']>, 'status' | 'started_at'>>;

/** Where the next page of jobs starts: after this row. Other fields are not read. */
export type JobPageStart = Pick<Job, 'created_at' | 'id'>;

/** A NIP-90 job kind is 16 bits wide. */
const MAX_KIND = 65_535;

const kind = integer(0, MAX_KIND);
const status = oneOf(JOB_STATUSES);
const NEW_JOB: Record<keyof NewJob, Check> = {
  id: key,
  kind,
  customer_pubkey: key,
  status,
  price_msats: integer(),
  input_hash: nullable(text),
  output_hash: nullable(text),
  error_message: nullable(text),
  started_at: timestamp,
  completed_at: nullable(timestamp),
  created_at: timestamp,
};
const before = pageStart({ created_at: storedInteger, id: text });

const statusOrStatuses: Check = (value, field, operation) => {
  const check = Array.isArray(value) ? listOf(status) : status;
  check(value, field, operation);
};

/** The checks of what callers of the jobs service give. */
export const jobInput = {
  id: key,
  errorMessage: text,
  status,
  job: object(NEW_JOB, ['id', 'kind', 'customer_pubkey']),
  update: object({ from: statusOrStatuses }),
  completion: object({ output_hash: nullable(text), price_msats: integer() }, ['price_msats']),
  payment: object(
    {
      output_hash: nullable(text),
      price_msats: integer(),
      payment_hash: nullable(oneSpelling(key)),
      preimage: nullable(oneSecretSpelling(text)),
    },
    ['price_msats'],
  ),
  claim: object({ kinds: listOf(kind) }),
  stale: object({ startedBefore: timestamp }, ['startedBefore']),
  page: object({ limit, before }),
  filter: object({ status, customer_pubkey: key, limit, before }),
} satisfies Record<string, Check>;

/** Jobs as queries give them. */
export const JOB_ROWS = new TableRows(JOBS, (row) => ({
  id: row[0],
  kind: row[1],
  customer_pubkey: row[2],
  status: row[3],
  price_msats: row[4],
  input_hash: row[5],
  output_hash: row[6],
  error_message: row[7],
  started_at: row[8],
  completed_at: row[9],
  created_at: row[10],
}));

/** The ids of jobs. */
export const JOB_IDS = new PlainRows([textColumn('id')], ({ id }) => id);

type JobUpdate = UpdateQueryBuilder<DB, 'jobs', 'jobs', UpdateResult>;

/** Jobs of an update that {@link returningSound} ends: each can be decoded. */
export const SOUND_JOB_ROWS: Rows<OnlySound, Job> = {
  decode: JOB_ROWS.decode,
  mayBeCorrupt: false,
};

/** Never there: a query has it in its type where {@link returningSound} put it into its WHERE. */
interface OnlySound extends Job {
  readonly 'only rows that can be decoded': true;
}

/**
 * Ends an update: it changes only jobs that can be decoded once the `changed` columns are set, and
 * returns them. It needs no transaction to be undone.
 */
export const returningSound =
  (syntax: SqlSyntax, ...changed: readonly (keyof Job)[]) =>
  (update: JobUpdate): UpdateQueryBuilder<DB, 'jobs', 'jobs', OnlySound> =>
    update
      .where(JOB_ROWS.isSound(syntax, ...changed))
      .returning(JOB_ROWS.columns)
      .$castTo<OnlySound>();
