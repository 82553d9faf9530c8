import type { Insertable, Selectable } from 'kysely';
import { type DB, JOB_STATUSES, type JobStatus } from '../../generated/db.js';
import { oneSecretSpelling, oneSpelling } from '../earnings/spelling.js';
import type { RawRow } from '../engine/prepared.js';
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
import { RowCheck } from '../schema/row.js';

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

const check = new RowCheck('jobs', {
  id: 'key',
  kind: 'integer',
  customer_pubkey: 'text',
  status: new Set(JOB_STATUSES),
  price_msats: 'integer',
  input_hash: 'text or null',
  output_hash: 'text or null',
  error_message: 'text or null',
  started_at: 'integer',
  completed_at: 'integer or null',
  created_at: 'integer',
});

/** The columns of a {@link Job}, in the order that {@link decodeJob} reads. */
export const JOB_COLUMNS = check.columns;

/** Whether {@link decodeJob} can give this value of this column. */
export const canReadJob = check.canRead.bind(check);

/** In SQL, whether a job can be decoded once the `changed` columns are set. */
export const isSoundJob = check.isSound.bind(check);

type JobRow = [
  id: string,
  kind: number,
  customer_pubkey: string,
  status: JobStatus,
  price_msats: number,
  input_hash: string | null,
  output_hash: string | null,
  error_message: string | null,
  started_at: number,
  completed_at: number | null,
  created_at: number,
];

/** Gives a checked row its shape. Throws `CORRUPT_ROW` or `OUT_OF_RANGE`. */
export function decodeJob(raw: RawRow): Job {
  check.assert(raw);
  const row = raw as JobRow;
  return {
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
  };
}
