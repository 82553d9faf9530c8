/** The longest text that is kept, in characters: a longer one is a list of values that differ. */
const LONGEST_KEPT = 4000;

/** All texts kept, in characters; of a list of values SQLite holds 200 bytes for each: 20 MB. */
const ALL_KEPT = 100_000;

/** What a text counts as at least, in characters: the shortest statement takes some kB. */
const LEAST_COUNTED = 500;

/** What is known of each SQL text, in bounded memory: the oldest make room, long ones aren't kept. */
export class SqlCache<Value> {
  readonly #known = new Map<string, Value>();
  #kept = 0;

  get(sql: string): Value | undefined {
    return this.#known.get(sql);
  }

  /** Keeps the value of a text that has none yet. */
  add(sql: string, value: Value): void {
    if (sql.length > LONGEST_KEPT) return;
    this.#known.set(sql, value);
    this.#kept += countedAs(sql);
    for (const oldest of this.#known.keys()) {
      if (this.#kept <= ALL_KEPT) break;
      this.#known.delete(oldest);
      this.#kept -= countedAs(oldest);
    }
  }
}

function countedAs(sql: string): number {
  return Math.max(sql.length, LEAST_COUNTED);
}
