import { PylonDbError } from '../../errors.js';
import type { SqlValue } from '../prepared.js';

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
/** A list whose items pg gives as they are written. */
const TEXT_LIST = 1009;

/** The types that {@link exactValue} reads, each with the one by which pg only takes it apart. */
export const READ_LATER: ReadonlyMap<number, number> = new Map([
  [BIGINT, TEXT],
  [NUMERIC, TEXT],
  [BIGINT_LIST, TEXT_LIST],
  [NUMERIC_LIST, TEXT_LIST],
]);

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
 * `OUT_OF_RANGE`; a decimal that a number can't give back stays text. Lists are read item by item.
 */
export function exactValue(value: unknown, typeOid: number, column: string): unknown {
  if (!READ_LATER.has(typeOid)) return value;
  if (Array.isArray(value)) return value.map((item) => exactValue(item, typeOid, column));
  return typeof value === 'string' ? exactNumber(value, column) : value;
}

function exactNumber(text: string, column: string): number | string {
  const number = Number(text);
  if (text.length <= DIGITS_KEPT || digitsOf(String(number)) === digitsOf(text)) {
    if (Number.isSafeInteger(number) || !isInteger(text)) return number;
  }
  if (!isInteger(text)) return text;
  throw new PylonDbError(
    'OUT_OF_RANGE',
    `column ${column} holds an integer beyond 2^53-1`,
    { column },
    { operation: '', hint: 'Cast it to text in the query and read it as a BigInt.' },
  );
}

/** Decimal digits that every number of 64 bits gives back. */
const DIGITS_KEPT = 15;

function isInteger(text: string): boolean {
  return /^-?\d+$/.test(text);
}

/** What a plain or exponential decimal says, in one spelling: its digits and the last one's place. */
function digitsOf(text: string): string {
  const [mantissa = '', exponent = '0'] = text.split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const digits = whole + fraction;
  let end = digits.length;
  // By hand: a pattern for zeros at the end tries each of a thousand zeros before it.
  while (digits[end - 1] === '0') end -= 1;
  const place = Number(exponent) - fraction.length + digits.length - end;
  return `${digits.slice(0, end).replace(/^(-?)0+/, '$1')}e${place}`;
}
