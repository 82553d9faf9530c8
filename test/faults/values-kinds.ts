import type { Random } from './random.js';

/** The clock of all calls, in unix seconds. */
export const NOW = 1_700_000_000;

/** What a field may hold, written here a second time and independently of `src/schema/input.ts`. */
export type Kind = keyof typeof ACCEPTS;

const isInteger = (value: unknown, least: number, most: number) =>
  typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
const isText = (value: unknown) => typeof value === 'string' && !/\p{Surrogate}|\0/u.test(value);
const isKey = (value: unknown) => isText(value) && value !== '';

function isJson(value: unknown): boolean {
  if (!isText(value)) return false;
  try {
    JSON.parse(String(value));
    return true;
  } catch {
    return false;
  }
}

const isWord =
  (...words: string[]) =>
  (value: unknown) =>
    typeof value === 'string' && words.includes(value);

/** Up to the end of the year 9999. */
const isTime = (value: unknown) => isInteger(value, 0, 253_402_300_799);
const isAmount = (value: unknown) => isInteger(value, 0, 9_007_199_254_740_991);

/** DESIGN §3 "Input". */
const ACCEPTS = {
  integer: isAmount,
  'integer or null': (value: unknown) => value === null || isAmount(value),
  'integer of any sign': (value: unknown) =>
    isInteger(value, -9_007_199_254_740_991, 9_007_199_254_740_991),
  time: isTime,
  'time or null': (value: unknown) => value === null || isTime(value),
  'time up to now': (value: unknown) => isInteger(value, 0, NOW),
  kind: (value: unknown) => isInteger(value, 0, 65_535),
  text: isText,
  'text or null': (value: unknown) => value === null || isText(value),
  key: isKey,
  'key or null': (value: unknown) => value === null || isKey(value),
  'json or null': (value: unknown) => value === null || isJson(value),
  'job status': isWord('pending', 'processing', 'completed', 'failed', 'cancelled'),
  'earning source': isWord('job', 'tip', 'other'),
  'agent state': isWord('embryonic', 'active', 'dormant', 'terminated'),
} as const;

/** Whether a field of this kind takes the value. */
export function accepts(kind: Kind, value: unknown): boolean {
  return ACCEPTS[kind](value);
}

const NUMBERS = [
  ...[253_402_300_799, 253_402_300_800, 1_700_000_000, 1_700_000_001, 1_700_000_000_000],
  ...[0, -0, 1, -1, 5, 42, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53 - 2, 2 ** 53 - 1],
  ...[
    2 ** 53,
    2 ** 53 + 2,
    2 ** 63 - 1024,
    2 ** 63,
    2 ** 64,
    -(2 ** 53) + 1,
    -(2 ** 53),
    -(2 ** 63),
  ],
  ...[0.1, 0.5, 1.5, -1.5, 1e21, 1e300, -1e300, 5e-324, Number.MAX_VALUE, Number.EPSILON],
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
];
const TEXTS = [
  ...['', ' ', 'a', '0', '1', '-1', '1.5', '1e3', '12abc', '0x10', ' 7', '9007199254740992', 'NaN'],
  ...['9223372036854775807', '9223372036854775808', 'Infinity', 'null', 'true', '[]', '{"a":1}'],
  ...[
    '"text"',
    '[1,]',
    "{'a':1}",
    '{"a":"\\ud800"}',
    'pending',
    'completed',
    'job',
    'tip',
    'active',
  ],
  ...[
    'Pending',
    ' job',
    'agent',
    'other',
    "'; drop table jobs; --",
    '%',
    '_',
    '?1',
    ':id',
    '\\',
    '"',
  ],
  ...['\0', 'a\0b', 'a\0', '\ud800', 'a\udc00', '\ud83d\ude00', '\ude00\ud83d', '\ufeff', '\ufffe'],
  ...[
    'e\u0301',
    '\u00e9',
    '\u202e',
    '\u200d',
    '\r\n',
    '\u2028',
    '\x1b[2J',
    '日本',
    'x'.repeat(5000),
  ],
];
const OTHERS = [
  ...[null, undefined, true, false, 0n, 7n, 2n ** 63n, Symbol('s'), () => 7, new Date(7), /7/],
  ...[[], [7], ['a'], {}, { a: 1 }, Object(7), Object('a'), Object(true), new Set([7])],
  ...[Buffer.from('a'), new Uint8Array(2), { valueOf: () => 7 }, { toString: () => 'a' }],
  ...[{ toJSON: () => 7 }, Object.create(null), new Error('e'), Promise.resolve(7)],
];

/** The values at the edges of what SQLite and JavaScript hold. */
export const BOUNDARIES: readonly unknown[] = [...NUMBERS, ...TEXTS, ...OTHERS];

/** A random value: one that a field of this kind takes, or nearly, or any other. */
export function randomValue(random: Random, kind: Kind): unknown {
  if (random.chance(0.5)) return likelyValue(random, kind);
  const roll = random.int(10);
  if (roll === 0) return BOUNDARIES[random.int(BOUNDARIES.length)];
  if (roll === 1) return random.pick(NUMBERS) + random.pick([-1, 1, 0.5]);
  if (roll <= 4) return randomNumber(random);
  if (roll === 5) return String(randomNumber(random));
  if (roll === 6) return JSON.stringify({ [randomText(random)]: randomNumber(random) });
  return randomText(random);
}

function likelyValue(random: Random, kind: Kind): unknown {
  if (kind.startsWith('json'))
    return JSON.stringify({ [wellFormed(random)]: randomNumber(random) });
  if (/^(text|key)/.test(kind)) return wellFormed(random);
  if (kind === 'kind') return random.int(65_540);
  if (kind.startsWith('time')) return Math.floor(random.next() * 2 ** random.int(39));
  if (kind.startsWith('integer')) return Math.floor(random.next() * 2 ** random.int(54));
  return random.pick(TEXTS);
}

function wellFormed(random: Random): string {
  return randomText(random).toWellFormed().replaceAll('\0', '');
}

function randomNumber(random: Random): number {
  const size = 2 ** random.int(66);
  const number = random.next() * size;
  return (random.chance(0.8) ? Math.floor(number) : number) * (random.chance(0.2) ? -1 : 1);
}

/** Any UTF-16 units: well-formed or not, of every plane, with and without NUL. */
function randomText(random: Random): string {
  const end = random.pick([0x80, 0x100, 0x3000, 0x1_0000]);
  const units = random.list(random.int(12), () => random.int(end));
  return String.fromCharCode(...units);
}
