import type { SqlValue } from '../prepared.js';
import { exactJson } from './exact-json.js';
import { exactNumber } from './exact-number.js';

/** Reads a column's text as the value that services know. */
export type ValueParser = (text: string) => string | number;

// The server's type oids (pg_type.dat), fixed for ever.
const INT8 = 20;
const INT2 = 21;
const INT4 = 23;
const TEXT = 25;
const FLOAT4 = 700;
const FLOAT8 = 701;
/** A decimal, which is what SUM of integers gives. */
export const NUMERIC = 1700;
/** pg gives it as text. */
export const BIGINT = INT8;
/** Lists of them, which pg would give as texts and rounded. */
const BIGINT_LIST = 1016;
const NUMERIC_LIST = 1231;
const JSON_TEXT = 114;
const JSONB = 3802;
const JSON_LIST = 199;
const JSONB_LIST = 3807;
/** A list whose items pg gives as they are written. */
const TEXT_LIST = 1009;

/** The types that {@link exactValue} reads, each with the one by which pg only takes it apart. */
export const READ_LATER: ReadonlyMap<number, number> = new Map([
  [BIGINT, TEXT],
  [NUMERIC, TEXT],
  [BIGINT_LIST, TEXT_LIST],
  [NUMERIC_LIST, TEXT_LIST],
  [JSON_TEXT, TEXT],
  [JSONB, TEXT],
  [JSON_LIST, TEXT_LIST],
  [JSONB_LIST, TEXT_LIST],
]);

/** Types of which the driver reads every value: whoever selects only these need not be undone. */
export const ALWAYS_READ: ReadonlySet<number> = new Set([
  ...[INT2, INT4, FLOAT4, FLOAT8, TEXT],
  // bool, bytea, name, bpchar, varchar, date, timestamp, timestamptz, uuid
  ...[16, 17, 19, 1042, 1043, 1082, 1114, 1184, 2950],
]);

/** Those whose numbers stand in a document. */
const JSON_TYPES: ReadonlySet<number> = new Set([JSON_TEXT, JSONB, JSON_LIST, JSONB_LIST]);

const NUMBERS: ReadonlySet<number> = new Set([INT8, INT2, INT4, FLOAT4, FLOAT8, NUMERIC]);

const asText: ValueParser = (text) => text;

/**
 * The parser of a type. An integer beyond ±(2^53-1) becomes a number that isn't safe, as SQLite's
 * driver has it: decoding the row refuses it by name.
 */
export function parserOf(typeOid: number): ValueParser {
  return NUMBERS.has(typeOid) ? Number : asText;
}

/** A value as it goes over the wire: text, or NULL. */
export type WireValue = string | Buffer | null;

/** A parameter as the server reads it. */
export function toWire(value: SqlValue): WireValue {
  if (value === null || typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value);
  return String(value);
}

/**
 * A value of an ad-hoc query's `column`, never rounded: a whole number is exact or throws
 * `OUT_OF_RANGE`; a decimal that a number can't give back stays text. Lists are read item by item, and
 * so are the numbers in JSON.
 */
export function exactValue(value: unknown, typeOid: number, column: string): unknown {
  if (!READ_LATER.has(typeOid)) return value;
  if (Array.isArray(value)) return value.map((item) => exactValue(item, typeOid, column));
  if (typeof value !== 'string') return value;
  return JSON_TYPES.has(typeOid) ? exactJson(value, column) : exactNumber(value, column);
}
