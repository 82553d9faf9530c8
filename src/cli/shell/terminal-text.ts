import stringWidth from 'string-width';

// Control characters (escape sequences begin with one), and format characters, which can reverse
// or hide text; the two joiners only shape letters and emoji.
const UNSAFE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Text that others stored, in one line, with nothing in it that a terminal would obey. */
export function visible(text: string): string {
  return text.replace(UNSAFE, (character) => SHORT[character] ?? escaped(character));
}

/** Like {@link visible}, but keeps line breaks and tabs: for SQL and stacks. */
export function visibleLines(text: string): string {
  return text.replace(UNSAFE, (character) =>
    character === '\n' || character === '\t' ? character : escaped(character),
  );
}

/** JSON text in which unsafe characters are escapes: the same value. Line breaks are layout. */
export function visibleJson(json: string): string {
  return json.replace(UNSAFE, (character) =>
    character === '\n'
      ? character
      : Array.from({ length: character.length }, (_, i) => unit(character, i)).join(''),
  );
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code <= 0xff ? `\\x${hex(code, 2)}` : `\\u{${hex(code, 4)}}`;
}

function unit(character: string, index: number): string {
  return `\\u${hex(character.charCodeAt(index), 4)}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/**
 * How many cells of a terminal the text takes, as most terminals count. Beyond `most` it stops
 * counting, and gives more than `most`.
 */
export function cells(text: string, most = Number.POSITIVE_INFINITY): number {
  // Nearly all text is this, and taking graphemes apart is slow.
  if (/^[ -~]*$/.test(text)) return text.length;
  let sum = 0;
  for (const { segment } of graphemes.segment(text)) {
    sum += stringWidth(segment);
    if (sum > most) break;
  }
  return sum;
}

/** The text in at most `most` cells: its end cut off, or, for keys, its middle. */
export function shortened(text: string, most: number, cut: 'end' | 'middle'): string {
  if (cells(text, most) <= most) return text;
  const tail = cut === 'middle' ? Math.floor((most - 1) / 2) : 0;
  return `${startOf(text, most - 1 - tail)}…${endOf(text, tail)}`;
}

function startOf(text: string, most: number): string {
  return take(graphemes.segment(text), most).join('');
}

/** UTF-16 units of a grapheme, at the most, where an end is cut from a text: the longest emoji's 14, and marks. */
const LONGEST_GRAPHEME = 32;

function endOf(text: string, most: number): string {
  const from = Math.max(0, text.length - (most + 1) * LONGEST_GRAPHEME);
  const parts = Array.from(graphemes.segment(text.slice(from)));
  // Perhaps only the end of one.
  if (from > 0) parts.shift();
  return take(parts.toReversed(), most).reverse().join('');
}

function take(parts: Iterable<Intl.SegmentData>, most: number): string[] {
  const taken: string[] = [];
  let left = most;
  for (const { segment } of parts) {
    left -= stringWidth(segment);
    if (left < 0) break;
    taken.push(segment);
  }
  return taken;
}
