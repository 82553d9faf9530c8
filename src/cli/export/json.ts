import type { StoredValue } from './chunks.js';

/**
 * A value as JSON that no reader rounds: integers beyond ±(2^53−1) and infinite reals are strings,
 * a BLOB is its hex digits.
 */
function jsonValue(value: StoredValue): string {
  if (typeof value === 'bigint') {
    return Number.isSafeInteger(Number(value)) ? String(value) : `"${value}"`;
  }
  if (typeof value === 'number' && !Number.isFinite(value)) return `"${value}"`;
  if (value instanceof Uint8Array) return `"${Buffer.from(value).toString('hex')}"`;
  return JSON.stringify(value);
}

/** Makes of one object per row in one line. */
export function jsonObjects(columns: readonly string[]): (row: readonly StoredValue[]) => string {
  const keys = distinct(columns).map((name) => JSON.stringify(name));
  return (row) => `{${row.map((value, i) => `${keys[i]}:${jsonValue(value)}`).join(',')}}`;
}

/** How rows become text. */
export interface RowText {
  readonly row: (row: readonly StoredValue[]) => string;
  /** What stands behind the last row. */
  readonly end: () => string;
}

/** Rows as one JSON array, one row per line. */
export function jsonArrayText(columns: readonly string[]): RowText {
  const toObject = jsonObjects(columns);
  let before = '[\n';
  return {
    row: (row) => {
      const text = before + toObject(row);
      before = ',\n';
      return text;
    },
    end: () => (before === '[\n' ? '[]' : '\n]'),
  };
}

/** Rows as objects, a line each; `table` wraps them: `{"table":"jobs","row":{…}}`. */
export function jsonLineText(columns: readonly string[], table?: string): RowText {
  const toObject = jsonObjects(columns);
  const [start, end] = table === undefined ? ['', ''] : [`{"table":"${table}","row":`, '}'];
  return { row: (row) => `${start}${toObject(row)}${end}\n`, end: () => '' };
}

/** Columns of a query may share a name; then they are numbered as SQLite numbers those of a view. */
function distinct(names: readonly string[]): string[] {
  const taken = new Set(names);
  const seen = new Set<string>();
  return names.map((name) => {
    let own = name;
    for (let i = 1; seen.has(own) || (own !== name && taken.has(own)); i++) own = `${name}:${i}`;
    seen.add(own);
    return own;
  });
}
