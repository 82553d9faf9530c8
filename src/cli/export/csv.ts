// CSV as RFC 4180 has it, quoted as the sqlite3 shell quotes. Our own, because the libraries were
// measured: csv-stringify exports a million rows at 0.25 of the shell's speed (0.14 streaming).

/** What ends a record (RFC 4180); the shell's `.mode csv` says the same. */
export const CSV_LINE_END = '\r\n';

/** Whatever isn't visible ASCII, and the characters with a meaning: comma and quotes. */
const NEEDS_QUOTES = /[^!#-&(-+\--~]/;

/** A value of a record. */
export type CsvValue = string | number | bigint | Uint8Array | null;

/** How a record is written: as the values are, or for a spreadsheet. */
export type CsvLine = (values: readonly CsvValue[]) => string;

/**
 * One CSV record with its line end. NULL and the empty text are both an empty field; a BLOB is
 * hexadecimal; reals are the shortest text that gives the same number.
 */
export function csvLine(values: readonly CsvValue[]): string {
  return csvRecord(values.map((value) => (value === null ? '' : asText(value))));
}

/** One CSV record of texts with its line end. */
export function csvRecord(texts: readonly string[]): string {
  return texts.map(csvField).join(',') + CSV_LINE_END;
}

function csvField(text: string): string {
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function asText(value: string | number | bigint | Uint8Array): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return typeof value === 'number' ? realText(value) : String(value);
}

/**
 * The shortest digits that give the same real again, and no others; `5.0` says that it isn't an
 * integer, as SQLite's own text does.
 */
export function realText(value: number): string {
  const text = String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}
