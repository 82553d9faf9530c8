import type { Insertable, Selectable } from 'kysely';
import { type DB, EARNING_SOURCES } from '../../generated/db.js';
import {
  type Check,
  ianaZone,
  integer,
  key,
  limit,
  nullable,
  object,
  oneOf,
  pageStart,
  storedInteger,
  text,
  timestamp,
} from '../schema/input.js';
import { TableRows } from '../schema/row.js';
import { EARNINGS } from '../schema/tables.js';
import { oneSecretSpelling, oneSpelling } from './spelling.js';

/** A row of `earnings`: the amount in millisatoshis, `earned_at` in unix seconds. */
export type Earning = Selectable<DB['earnings']>;

/** An earning to record. Left out: `earned_at` now, no job, no payment. */
export type NewEarning = Insertable<DB['earnings']>;

/** Where the next page of earnings starts: after this row. Other fields are not read. */
export type EarningPageStart = Pick<Earning, 'earned_at' | 'id'>;

const amount = integer();
const NEW_EARNING: Record<keyof NewEarning, Check> = {
  id: key,
  job_id: nullable(key),
  amount_msats: amount,
  source: oneOf(EARNING_SOURCES),
  payment_hash: nullable(oneSpelling(key)),
  preimage: nullable(oneSecretSpelling(text)),
  earned_at: timestamp,
};
/** What other programs store is not held to our spelling. */
const STORED_EARNING = { ...NEW_EARNING, payment_hash: nullable(key), preimage: nullable(text) };
const PAYMENT = { payment_hash: NEW_EARNING.payment_hash, preimage: NEW_EARNING.preimage };
const before = pageStart({ earned_at: storedInteger, id: text });

/** The checks of what callers of the earnings service give. */
export const earningInput = {
  id: key,
  hash: key,
  amount,
  timestamp,
  limit,
  earning: object(NEW_EARNING, ['id', 'amount_msats', 'source']),
  stored: object(STORED_EARNING, ['id', 'amount_msats', 'source']),
  payment: object(PAYMENT),
  page: object({ limit, before }),
  today: object({ timeZone: ianaZone }),
} satisfies Record<string, Check>;

/** Earnings as queries give them. */
export const EARNING_ROWS = new TableRows(EARNINGS, (row) => ({
  id: row[0],
  job_id: row[1],
  amount_msats: row[2],
  source: row[3],
  payment_hash: row[4],
  preimage: row[5],
  earned_at: row[6],
}));

const MSATS_PER_SAT = 1000;

/** Whole sats of an amount in msats, as published: truncated. */
export function wholeSats(msats: number): number {
  // Plus zero: less than a sat lost is 0, not -0.
  return Math.trunc(msats / MSATS_PER_SAT) + 0;
}
