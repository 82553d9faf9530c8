import { PylonDbError } from '../errors.js';

/** Checks one value; throws `INVALID_ARGUMENT` naming field, the value's kind and the fix. */
export type Check = (value: unknown, field: string, operation: string) => void;

/** The largest integer that is stored: 2^53-1, the last that a JavaScript number holds exactly. */
export const MAX_INTEGER = Number.MAX_SAFE_INTEGER;

/** Rows that one page may have at the most; beyond, a list would block the event loop. */
const MAX_LIMIT = 10_000;

/** An integer from `min` to `max`. SQLite would store 1.5, Infinity or '12abc' without a word. */
export function integer(min = 0, max = MAX_INTEGER): Check {
  const fix = `an integer from ${min} to ${max}`;
  return (value, field, operation) => {
    if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) return;
    throw invalid(field, operation, fix, value);
  };
}

/** `true` or `false`, and nothing that only counts as one. */
export const boolean: Check = (value, field, operation) => {
  if (typeof value !== 'boolean') throw invalid(field, operation, 'true or false', value);
};

/** A number as it is stored: -0 is 0. Queries give it so; a row made from what came in must too. */
export function plusZero<Value extends number | null | undefined>(value: Value): Value;
export function plusZero(value: number | null | undefined): number | null | undefined {
  return value === 0 ? 0 : value;
}

/** Well-formed Unicode without NUL; SQLite would store a lone surrogate as another character. */
export const text: Check = (value, field, operation) => {
  if (typeof value === 'string' && value.isWellFormed() && !value.includes('\0')) return;
  throw invalid(field, operation, 'well-formed text without NUL characters', value);
};

/** Text that names a record: like {@link text}, not empty, and no secret key. */
export const key: Check = (value, field, operation) => {
  if (value === '') throw invalid(field, operation, 'text that is not empty', value);
  text(value, field, operation);
  if (isSecretKey(value)) throw secretKey(field, operation);
};

/**
 * Whether a value is a Nostr secret key, also as a `nostr:` URI, which must be neither stored nor
 * repeated.
 */
export function isSecretKey(value: unknown): boolean {
  return typeof value === 'string' && /^\s*(?:nostr:)?nsec1/i.test(value);
}

function secretKey(field: string, operation: string): PylonDbError {
  return new PylonDbError(
    'INVALID_ARGUMENT',
    `${field} must be a public key or an id, not an nsec`,
    { field },
    {
      operation,
      hint: 'An nsec is a secret key: give the npub that belongs to it, and keep the nsec out of databases and logs.',
    },
  );
}

/** Text that parses as JSON. */
export const json: Check = (value, field, operation) => {
  text(value, field, operation);
  try {
    JSON.parse(String(value));
  } catch {
    // The parser's message quotes the text, which may be secret.
    throw invalid(field, operation, 'text that parses as JSON', value);
  }
};

/** One of a closed set of words. */
export function oneOf(words: readonly string[]): Check {
  return (value, field, operation) => {
    if (typeof value === 'string' && words.includes(value)) return;
    throw invalid(field, operation, `one of ${words.join(', ')}`, value);
  };
}

/** `null`, or what `check` lets through. */
export function nullable(check: Check): Check {
  return (value, field, operation) => {
    if (value !== null) check(value, field, operation);
  };
}

/** A list that is not empty, each item of which `check` lets through. */
export function listOf(check: Check): Check {
  return (value, field, operation) => {
    if (!Array.isArray(value) || value.length === 0) {
      throw invalid(field, operation, 'a list that is not empty', value);
    }
    for (const [i, item] of value.entries()) check(item, `${field}[${i}]`, operation);
  };
}

/** How many rows: 1 … 10,000. */
export const limit: Check = integer(1, MAX_LIMIT);

/** The last second of the year 9999 in UTC; a larger number is milliseconds, or a slip. */
export const MAX_TIMESTAMP = 253_402_300_799;

const timestampInRange = integer(0, MAX_TIMESTAMP);

/** Unix seconds: 0 … {@link MAX_TIMESTAMP}. Milliseconds are refused by name. */
export const timestamp: Check = (value, field, operation) => {
  if (!Number.isSafeInteger(value) || (value as number) <= MAX_TIMESTAMP) {
    return timestampInRange(value, field, operation);
  }
  throw new PylonDbError(
    'INVALID_ARGUMENT',
    `${field} must be unix seconds, up to ${MAX_TIMESTAMP} (the year 9999), not milliseconds`,
    { field },
    { operation, hint: 'Divide by 1000: Math.floor(Date.now() / 1000).' },
  );
};

/** An IANA time zone, as this machine knows them. */
export const ianaZone: Check = (value, field, operation) => {
  text(value, field, operation);
  try {
    Intl.DateTimeFormat('en', { timeZone: String(value) });
  } catch {
    throw invalid(field, operation, 'an IANA time zone such as Europe/Berlin', value);
  }
};

/**
 * An object with the given fields and no others; `undefined` counts as left out. Fields in
 * `required` must be there. Names nested fields `parent.field`.
 */
export function object<Field extends string>(
  checks: Readonly<Record<Field, Check>>,
  required: readonly NoInfer<Field>[] = [],
): Check {
  const known: ReadonlyMap<string, Check> = new Map(Object.entries<Check>(checks));
  return (value, parent, operation) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw invalid(parent, operation, 'an object', value);
    }
    const prefix = TOP_LEVEL.has(parent) ? '' : `${parent}.`;
    const fields = value as Readonly<Record<string, unknown>>;
    for (const field in fields) {
      if (!known.has(field)) throw unknownField(prefix + field, operation, [...known.keys()]);
    }
    // Each that is known, whether or not a loop sees it: a class may have getters.
    for (const [field, check] of known) {
      const item = fields[field];
      if (item !== undefined) check(item, prefix + field, operation);
    }
    for (const field of required) {
      if (fields[field] === undefined) checks[field](undefined, prefix + field, operation);
    }
  };
}

/** Names of whole arguments: their fields are named without them. */
const TOP_LEVEL = new Set(['job', 'earning', 'agent', 'tick', 'payment', 'options', 'result']);

/** A time or number in a stored row: other programs may have written a negative one. */
export const storedInteger: Check = integer(-MAX_INTEGER);

/** An object with at least the given fields, for the row that a page starts after. */
export function pageStart<Field extends string>(checks: Readonly<Record<Field, Check>>): Check {
  const entries = Object.entries<Check>(checks);
  return (value, parent, operation) => {
    if (typeof value !== 'object' || value === null) {
      throw invalid(parent, operation, 'the last row of the page before', value);
    }
    for (const [field, check] of entries) {
      check(Reflect.get(value, field), `${parent}.${field}`, operation);
    }
  };
}

/** The error for a value that a field can't take. It names the value's kind, never the value. */
export function invalid(
  field: string,
  operation: string,
  fix: string,
  value: unknown,
): PylonDbError {
  return new PylonDbError(
    'INVALID_ARGUMENT',
    `${field} must be ${fix}, not ${kindOf(value)}`,
    { field },
    { operation, hint: `Give ${fix} as ${field}.` },
  );
}

function unknownField(field: string, operation: string, known: readonly string[]): PylonDbError {
  return new PylonDbError(
    'INVALID_ARGUMENT',
    `there is no field ${JSON.stringify(field)}`,
    { field },
    { operation, hint: `Known fields: ${known.join(', ')}.` },
  );
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'left out';
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'number') return kindOfNumber(value);
  if (typeof value === 'string') return kindOfText(value);
  if (typeof value === 'object')
    return Object.keys(value).length === 0 ? 'an empty one' : 'an object';
  return `a ${typeof value}`;
}

function kindOfNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return 'infinite';
  if (!Number.isInteger(value)) return 'a fraction';
  if (!Number.isSafeInteger(value)) return 'an integer beyond 2^53-1';
  return value < 0 ? 'a negative integer' : 'another integer';
}

function kindOfText(value: string): string {
  if (value === '') return 'empty text';
  if (value.includes('\0')) return 'text with a NUL character';
  return value.isWellFormed() ? 'this text' : 'text with a lone surrogate';
}
