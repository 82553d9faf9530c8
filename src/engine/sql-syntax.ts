import type { RawBuilder } from 'kysely';

/**
 * What the databases say in different words and the query builder has no word for. Each engine has
 * its own; a query asks for them and doesn't know its engine.
 */
export interface SqlSyntax {
  /**
   * Whether an insert says itself that it leaves out a row whose key stands. Elsewhere it fails, and
   * the engine takes that for no row: `on conflict` would first run the triggers that keep totals.
   */
  readonly saysIfNew: boolean;
  /** Whether a column holds an integer within ±(2^53-1); `null` is neither true nor false. */
  isSafeInteger(column: string): RawBuilder<boolean>;
  /** Whether a column holds text; `null` is neither true nor false. */
  isText(column: string): RawBuilder<boolean>;
  /** The items of `list`, a JSON list of texts, as rows for IN. */
  texts<Item extends string>(list: RawBuilder<string>): RawBuilder<Item>;
  /** The items of `list`, a JSON list of integers, as rows for IN. */
  integers(list: RawBuilder<string>): RawBuilder<number>;
  /** The integer at a place of `list`, a JSON list of integers. */
  integerAt(list: RawBuilder<string>, place: number): RawBuilder<number>;
  /** The items of `list`, a JSON list of pairs of integers, as rows of `start` and `end`. */
  ranges(list: RawBuilder<string>): RawBuilder<{ start: number; end: number }>;
  /**
   * The table that keeps earnings by the hour, with the columns that migration 005 makes; missing
   * where nothing keeps them.
   */
  readonly earningHours: RawBuilder<unknown> | undefined;
  /** Several values as one: a JSON list. */
  jsonList(values: readonly RawBuilder<unknown>[]): RawBuilder<string>;
  /**
   * Whether a column holds `value`, asked where rows are wanted in the order of an index that begins
   * with that column. Name the column first in the order, too.
   */
  equalInOrder<Value>(column: string, value: RawBuilder<Value>): RawBuilder<boolean>;
  /**
   * Whether a row stands before another in the order of `keys`, of those whose `column` holds `value`:
   * what {@link equalInOrder} asks, and where the page before ended.
   */
  beforeInOrder(
    column: string,
    value: RawBuilder<unknown>,
    keys: Readonly<Record<string, RawBuilder<unknown>>>,
  ): RawBuilder<boolean>;
  /** Whether others may have locked a row meanwhile, which SQLite's one writer never meets. */
  readonly locksRows: boolean;
  /** A column for a condition that the planner shall not look up in an index. */
  unindexed<Value>(column: string): RawBuilder<Value>;
}
