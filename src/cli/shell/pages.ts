import { InvalidArgumentError, Option } from 'commander';
import type { Output } from './output.js';

/** Where the next page starts, as `--before` takes it: `position:key` of the last row shown. */
export interface Cursor {
  /** What the list is sorted by: unix seconds, or a tick's number. */
  readonly position: number;
  readonly key: string;
}

/** The options of a list that is shown in pages. */
export interface PageOptions {
  readonly limit?: number;
  readonly before?: Cursor;
}

/** Rows of a page when the command line names no limit: they fit a screen. */
export const DEFAULT_LIMIT = 20;

/** The most rows that the services give at once. */
const MAX_LIMIT = 10_000;

/** `--limit N`. */
export function limitOption(): Option {
  return new Option('--limit <n>', `show at most so many (default: ${DEFAULT_LIMIT})`).argParser(
    (text) => wholeNumber(text, 1, MAX_LIMIT),
  );
}

/** `--before CURSOR`. */
export function beforeOption(): Option {
  return new Option(
    '--before <cursor>',
    'the next page: what the note under a page says',
  ).argParser((text): Cursor => {
    const [, position, escaped] = /^(-?\d{1,16}):(.*)$/s.exec(text) ?? [];
    const key = escaped === undefined ? undefined : decoded(escaped);
    if (position === undefined || key === undefined) {
      throw new InvalidArgumentError('Copy it from the note under the page before.');
    }
    return { position: Number(position), key };
  });
}

/** The cursor as one word that no shell changes and no terminal obeys, whatever the key is. */
function cursorText({ position, key }: Cursor): string {
  const escaped = key.replace(/[^\w:.,@+=/-]+/g, (characters) =>
    Buffer.from(characters).toString('hex').replace(/../g, '%$&'),
  );
  return `${position}:${escaped}`;
}

function decoded(escaped: string): string | undefined {
  try {
    return decodeURIComponent(escaped);
  } catch {
    return undefined;
  }
}

/** Reads a whole number; commander reports the error with the option's name. */
export function wholeNumber(text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`);
}

/** Says, when a full page was shown and more follow, how to get them; else, when it is empty. */
export async function noteRest<Row>(
  out: Output,
  page: { readonly rows: readonly Row[]; readonly limit: number; readonly what: string },
  cursorOf: (row: Row) => Cursor,
  after: (cursor: Cursor) => Promise<readonly Row[]>,
): Promise<void> {
  const { rows, limit, what } = page;
  const last = rows.at(-1);
  if (last === undefined) {
    out.note(`No ${what}.`);
    return;
  }
  if (rows.length < limit) return;
  const cursor = cursorOf(last);
  if ((await after(cursor)).length === 0) return;
  out.note(
    `There are more ${what} than these ${limit}. Next page: add --before ${cursorText(cursor)}`,
  );
}
