import { PylonDbError } from '../../errors.js';

/**
 * The number that a value of `column` says: one that gives its text back. Throws `OUT_OF_RANGE` for a
 * whole number beyond ±(2^53-1); any other that a number can't hold stays text.
 */
export function exactNumber(text: string, column: string): number | string {
  const number = Number(text);
  const isShort = text.length <= DIGITS_KEPT && !/e/i.test(text);
  if (isShort || digitsOf(String(number)) === digitsOf(text)) {
    if (Number.isSafeInteger(number) || !isInteger(text)) return number;
  }
  if (!isInteger(text)) return text;
  throw new PylonDbError(
    'OUT_OF_RANGE',
    `column ${column} holds an integer beyond 2^53-1`,
    { column },
    { hint: 'Cast it to text in the query and read it as a BigInt.' },
  );
}

/** Decimal digits that every number of 64 bits gives back. */
const DIGITS_KEPT = 15;

function isInteger(text: string): boolean {
  return /^-?\d+$/.test(text);
}

/** What a plain or exponential decimal says, in one spelling: its digits and the last one's place. */
function digitsOf(text: string): string {
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const digits = whole + fraction;
  let end = digits.length;
  // By hand: a pattern for zeros at the end tries each of a thousand zeros before it.
  while (digits[end - 1] === '0') end -= 1;
  if (/^-?$/.test(digits.slice(0, end))) return '0';
  const place = Number(exponent) - fraction.length + digits.length - end;
  return `${digits.slice(0, end).replace(/^(-?)0+/, '$1')}e${place}`;
}
