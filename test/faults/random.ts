/** A small seeded generator: the same seed gives the same numbers on every machine. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** From 0 up to, not including, 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer from 0 up to, not including, `end`. */
  int(end: number): number {
    return Math.floor(this.next() * end);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.int(items.length)];
    if (item === undefined) throw new RangeError('There is nothing to pick from');
    return item;
  }

  list<Item>(length: number, item: () => Item): Item[] {
    return Array.from({ length }, item);
  }
}

/** The seed of a random test: `PYLON_FUZZ_SEED`, or another one every time. */
export function fuzzSeed(): number {
  return Number(process.env['PYLON_FUZZ_SEED'] ?? Date.now() % 2 ** 31);
}
