import { isSecretKey } from '../../schema/input.js';

/**
 * `damage`: the file itself is broken. `wrong`: it is whole, but a sum is wrong, a row can't be
 * read, or the schema isn't as migrated. `note`: everything works, and somebody may want to know.
 */
export type Severity = 'damage' | 'wrong' | 'note';

/** One thing that is not as it should be. Field names are those of the JSON answer. */
export interface Finding {
  /** A stable name: `rollups`, `values`. */
  readonly check: string;
  readonly severity: Severity;
  /** What is wrong, in one sentence. */
  readonly problem: string;
  /** The first of what it is about: keys of rows, paths, SQLite's words. Never a preimage. */
  readonly rows: readonly string[];
  /** How many there are. */
  readonly count: number;
  /** How to fix it, in one sentence. */
  readonly mend: string;
  /** Whether `--repair` fixes it. */
  readonly repairable: boolean;
}

/** Rows that a finding names: enough to see what they share; `query` shows the others. */
const ROWS_TOLD = 10;

/** Characters of a key that are shown: other programs may have stored a book as a key. */
const KEY_TOLD = 120;

/** Counts rows, and keeps the first: memory doesn't grow with what is wrong. */
export class Tally {
  readonly #rows: string[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get rows(): readonly string[] {
    return this.#rows;
  }

  add(row: string): void {
    this.#count += 1;
    if (this.#rows.length < ROWS_TOLD) this.#rows.push(row);
  }
}

/** What a finding calls a row: its key, or its rowid where that is not a name or a secret. */
export function rowName(key: unknown, rowid: unknown): string {
  if (typeof key === 'number') return String(key);
  if (typeof key !== 'string' || key === '' || isSecretKey(key)) return `rowid ${String(rowid)}`;
  return key.length <= KEY_TOLD ? key : `${key.slice(0, KEY_TOLD)}…`;
}

/** The rows of a tally as a finding, none for an empty one. */
export function findingsOf(
  { count, rows }: Pick<Tally, 'count' | 'rows'>,
  finding: Omit<Finding, 'count' | 'rows' | 'severity' | 'repairable'> &
    Partial<Pick<Finding, 'severity' | 'repairable'>>,
): Finding[] {
  if (count === 0) return [];
  return [{ severity: 'wrong', repairable: false, ...finding, rows, count }];
}
