import { exactNumber } from './exact-number.js';

/** A text without any of these has no number that may be rounded: most, and the longest. */
const MAYBE_INEXACT = /\d[\d.]{14}|\d[eE]/;

/** Where a text begins, or a number as a whole. */
const TEXT_OR_NUMBER = /"|-?\d[\d.eE+-]*/g;

/**
 * The document that `json` of `column` says. Numbers in it are as {@link exactNumber} gives them, which
 * may be texts; throws what it throws.
 */
export function exactJson(json: string, column: string): unknown {
  return JSON.parse(MAYBE_INEXACT.test(json) ? withExactNumbers(json, column) : json);
}

/** The same document with those numbers as texts that would be rounded. */
function withExactNumbers(json: string, column: string): string {
  let exact = '';
  let copied = 0;
  TEXT_OR_NUMBER.lastIndex = 0;
  for (let found = TEXT_OR_NUMBER.exec(json); found; found = TEXT_OR_NUMBER.exec(json)) {
    const [token] = found;
    if (token === '"') {
      TEXT_OR_NUMBER.lastIndex = endOfText(json, found.index);
    } else if (typeof exactNumber(token, column) === 'string') {
      exact += `${json.slice(copied, found.index)}"${token}"`;
      copied = found.index + token.length;
    }
  }
  return exact + json.slice(copied);
}

/** Behind the quote that ends the text whose first quote is at `start`. By hand: texts may be long. */
function endOfText(json: string, start: number): number {
  let end = start;
  do end = json.indexOf('"', end + 1);
  while (isEscaped(json, end));
  return end + 1;
}

function isEscaped(json: string, index: number): boolean {
  let first = index;
  while (json[first - 1] === '\\') first -= 1;
  return (index - first) % 2 === 1;
}
