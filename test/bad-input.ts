import { expect } from 'vitest';
import { isPylonDbError, type PylonDb } from '../src/index.js';
import type { TestDatabase } from './database.js';
import { PUBLISHED_TABLES } from './file.js';

/** A word in bad texts that no error may repeat. */
const SECRET = 'hush-hush';

const NO_PRIMITIVE = [[SECRET], { [SECRET]: SECRET }, new Date(7), () => SECRET, Symbol(SECRET)];
const NO_TEXT = [7, 1.5, true, 7n, Buffer.from(SECRET), ...NO_PRIMITIVE];
const BAD_TEXT = [`${SECRET}\ud800`, `\udc00${SECRET}`, `${SECRET}\0${SECRET}`];
const NO_INTEGER = [
  ...[1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 53, -(2 ** 53)],
  ...['12abc', '7', '', true, 7n, ...NO_PRIMITIVE],
];

const BAD_JSON = ['', SECRET, `{"${SECRET}`, "{'a': 1}", '[1,]', 'undefined', 'NaN'];

const INTEGER = [...NO_INTEGER, -5];

/** Unix seconds end with the year 9999: the first after it, milliseconds, and more. */
const TIME = [
  ...[...INTEGER, 253_402_300_800, 1_782_907_200_000, 1_782_907_200_000_000],
  Number.MAX_SAFE_INTEGER,
];
const TEXT = [...NO_TEXT, ...BAD_TEXT];

/** What must be refused for each kind of field of DESIGN §3 "Input". */
const BAD_VALUES = {
  integer: [...INTEGER, null],
  'integer or null': INTEGER,
  'integer of any sign': [...NO_INTEGER, null],
  time: [...TIME, null],
  'time or null': TIME,
  kind: [...INTEGER, 65_536, null],
  limit: [...INTEGER, 0, 10_001, null],
  text: [...TEXT, null],
  'text or null': TEXT,
  key: [...TEXT, '', null],
  'key or null': [...TEXT, ''],
  'json or null': [...TEXT, ...BAD_JSON],
  word: [...TEXT, '', SECRET, 'PENDING', ' job', 'toString', null],
  boolean: [0, 1, 'true', SECRET, {}, [], null],
  list: [7, SECRET, {}, new Set([7]), [], null],
  object: [7, SECRET, true, 7n, [], [{}], () => SECRET, null],
} as const;

export type BadKind = keyof typeof BAD_VALUES;

/** One field of one call: what it must be, and the call with `value` there. */
export interface FieldCase {
  readonly call: string;
  readonly field: string;
  readonly kind: BadKind;
  /** Whether leaving it out is refused as well. */
  readonly required: boolean;
  readonly run: Run;
}

type Run = (db: PylonDb, value: never) => Promise<unknown>;

export function required(call: string, field: string, kind: BadKind, run: Run): FieldCase {
  return { call, field, kind, required: true, run };
}

export function optional(call: string, field: string, kind: BadKind, run: Run): FieldCase {
  return { call, field, kind, required: false, run };
}

/** The fields of a new record: `store` stores `record`, which is valid, with one of them changed. */
export function fieldsOf<Row extends object>(
  call: string,
  record: Row,
  kinds: Readonly<Record<string, BadKind>>,
  store: (db: PylonDb, record: Row) => Promise<unknown>,
): FieldCase[] {
  return Object.entries(kinds).map(([field, kind]) => ({
    call,
    field,
    kind,
    required: field in record,
    run: (db, value) => store(db, { ...record, [field]: value }),
  }));
}

/** Every bad value is refused by name, and shown nowhere; nothing is stored. */
export async function expectRefused(database: TestDatabase, testCase: FieldCase): Promise<void> {
  const before = await database.literals(...PUBLISHED_TABLES);
  const leftOut = testCase.required ? [undefined] : [];
  for (const value of [...BAD_VALUES[testCase.kind], ...leftOut]) {
    const error = await testCase
      .run(database.db, value as never)
      .catch((reason: unknown) => reason);
    expectInvalid(error, testCase, value);
  }
  expect(await database.literals(...PUBLISHED_TABLES)).toEqual(before);
}

/** A field that `call` doesn't know is refused by its name, and its value shown nowhere. */
export async function expectUnknownFieldRefused<Known extends object>(
  database: TestDatabase,
  call: string,
  known: Known,
  run: (db: PylonDb, known: Known) => Promise<unknown>,
): Promise<void> {
  const before = await database.literals(...PUBLISHED_TABLES);
  for (const field of ['colour', 'Id', '__proto__', 'constructor']) {
    // Parsed and spread, so that `__proto__` is a field like others.
    const unknown: object = JSON.parse(`{"${field}": "${SECRET}"}`);
    const error = await run(database.db, { ...known, ...unknown }).catch(
      (reason: unknown) => reason,
    );
    expectInvalid(error, { call, field }, SECRET);
  }
  expect(await database.literals(...PUBLISHED_TABLES)).toEqual(before);
}

function expectInvalid(
  error: unknown,
  { call, field }: { readonly call: string; readonly field: string },
  value: unknown,
): void {
  const label = `${call} ${field} ${typeof value} ${typeof value === 'symbol' ? '' : String(value)}`;
  if (!isPylonDbError(error, 'INVALID_ARGUMENT')) {
    throw new Error(`${label} was not refused`, { cause: error });
  }
  const reported = `${error.message} ${error.hint} ${JSON.stringify(error)}`;
  expect(error.field, label).toBe(field);
  expect(error.details.field, label).toBe(field);
  expect(error.operation, label).toBe(call);
  expect(error.message, label).toContain(field);
  expect(reported, label).not.toContain(SECRET);
  if (typeof value === 'number' && Number.isFinite(value)) {
    expect(reported.split(/[^\w.+-]+/), label).not.toContain(String(value));
  }
  if (value === '12abc') expect(reported, label).not.toContain(value);
}
