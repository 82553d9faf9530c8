import { type CsvValue, csvRecord, realText } from './csv.js';

/**
 * What begins a formula for one spreadsheet or another (OWASP, "CSV Injection"), in full width too;
 * they skip the spaces before it. Also behind a semicolon, tab or line break: where the spreadsheet
 * doesn't take the comma for the separator, a cell begins there, whatever the quotes say.
 */
const FORMULA = /(^|[;\t\r\n])(?=[\p{Zs}\p{Cf}]*[=+\-@\uff1d\uff0b\uff0d\uff20])/gu;

/** A tab or line break at the start is skipped by some, and what follows is read as a formula. */
const CONTROL = /^\p{Cc}/u;

/** A text that would be read as a number, date or time: it would lose its zeros or digits. */
const DIGITS = /^\.?\d[\d.,:/ eE+%-]*$/;

/** Digits that a spreadsheet keeps of a number: it computes with doubles, and shows so many. */
const MOST_DIGITS = 15;

/**
 * One CSV record for a spreadsheet: an apostrophe before each text that it would run as a formula,
 * and before digits that it would change. Other numbers stay numbers.
 */
export function spreadsheetLine(values: readonly CsvValue[]): string {
  return csvRecord(values.map(cellText));
}

function cellText(value: CsvValue): string {
  if (value === null) return '';
  if (typeof value === 'string') return guarded(value);
  if (value instanceof Uint8Array) return guarded(Buffer.from(value).toString('hex'));
  const text = typeof value === 'number' ? realText(value) : String(value);
  return significantDigits(text) > MOST_DIGITS ? `'${text}` : text;
}

function guarded(text: string): string {
  const safe = text.replace(FORMULA, "$1'");
  return CONTROL.test(safe) || DIGITS.test(safe) ? `'${safe}` : safe;
}

function significantDigits(number: string): number {
  const [mantissa = ''] = number.split('e');
  return mantissa.replace(/^[^1-9]+|\D/g, '').length;
}
