import type { SqlValue } from '../prepared.js';
import type { WireValue } from './batch.js';

/** Reads a column's text as the value that services know. */
export type ValueParser = (text: string) => string | number;

// The server's type oids (pg_type.dat), fixed for ever.
const INT8 = 20;
const INT2 = 21;
const INT4 = 23;
const FLOAT4 = 700;
const FLOAT8 = 701;
/** A decimal, which is what SUM of integers gives. */
export const NUMERIC = 1700;
/** pg gives it as text. */
export const BIGINT = INT8;

const NUMBERS: ReadonlySet<number> = new Set([INT8, INT2, INT4, FLOAT4, FLOAT8, NUMERIC]);

const asText: ValueParser = (text) => text;

/**
 * The parser of a type. An integer beyond ±(2^53-1) becomes a number that isn't safe, as SQLite's
 * driver has it: decoding the row refuses it by name.
 */
export function parserOf(typeOid: number): ValueParser {
  return NUMBERS.has(typeOid) ? Number : asText;
}

/** A parameter as the server reads it. */
export function toWire(value: SqlValue): WireValue {
  if (value === null || typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value);
  return String(value);
}
