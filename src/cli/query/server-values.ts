import { BIGINT, NUMERIC } from '../../engine/postgres/values.js';
import type { QueryValue } from './read-statement.js';

// The server's type oids (pg_type.dat), fixed for ever.
const BOOLEAN = 16;
const BYTEA = 17;
const INTEGERS: ReadonlySet<number> = new Set([BIGINT, 21, 23, 26]);
const FLOATS: ReadonlySet<number> = new Set([700, 701]);

/**
 * A value of the server's as a question's answer has it, nothing rounded: integers are bigints,
 * decimals are numbers where a number holds them, else text. A boolean is its word, and all other
 * types are text as the server writes it.
 */
export function toQueryValue(text: string | null, typeOid: number): QueryValue {
  if (text === null) return null;
  if (INTEGERS.has(typeOid)) return BigInt(text);
  if (FLOATS.has(typeOid)) return Number(text);
  if (typeOid === NUMERIC) return decimal(text);
  if (typeOid === BOOLEAN) return text === 't' ? 'true' : 'false';
  // `bytea_output` is set to hex: \x00ff.
  if (typeOid === BYTEA) return Buffer.from(text.slice(2), 'hex');
  return text;
}

/** A sum of integers is a decimal too, and an average has zeros behind what it says. */
function decimal(text: string): QueryValue {
  if (/^-?\d+$/.test(text)) return BigInt(text);
  const short = /^-?\d+\.\d*$/.test(text) ? withoutEndZeros(text) : text;
  const number = Number(short);
  return String(number) === short ? number : text;
}

/** Without the zeros at its end. A regular expression would take time by the square of a long run. */
function withoutEndZeros(text: string): string {
  let end = text.length;
  while (text[end - 1] === '0') end -= 1;
  return text.slice(0, text[end - 1] === '.' ? end - 1 : end);
}
