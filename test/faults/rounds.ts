/** What a random test may take in CI at the most, in ms: slowness must not hang it. */
const MOST_MS = 180_000;

/** Tests that `--soak` prolongs run in this many pairs, two at a time. */
const SOAKED_PAIRS = 4;

const soakMs = (Number(process.env['PYLON_SOAK_MINUTES'] ?? 0) * 60_000) / SOAKED_PAIRS;

/** What a soaked test may take, for vitest. */
export const SOAK_TIMEOUT_MS = MOST_MS + soakMs + 30_000;

/** Rounds that are too few for what a test must see are prolonged at most to so many times. */
const MOST_TIMES = 5;

/**
 * Numbers of rounds from 0: `count` of them, more until there is `enough`, or as many as fit when
 * `--soak` says how long.
 */
export function* rounds(count: number, enough: () => boolean = () => true): Generator<number> {
  const start = performance.now();
  for (let round = 0; ; round++) {
    const passedMs = performance.now() - start;
    const done = round >= count && (enough() || round >= count * MOST_TIMES);
    if (soakMs > 0 ? passedMs > soakMs : done || passedMs > MOST_MS) return;
    yield round;
  }
}
