/** After so long, in ms, a random test makes no more rounds than it asked for. */
const MOST_MS = 180_000;

/** What only a test that hangs takes, in ms: slowness is not a failure. */
const HANGS_MS = 600_000;

/** Tests that `--soak` prolongs run in this many pairs, two at a time. */
const SOAKED_PAIRS = 4;

const soakMs = (Number(process.env['PYLON_SOAK_MINUTES'] ?? 0) * 60_000) / SOAKED_PAIRS;

/** What a soaked test may take, for vitest. */
export const SOAK_TIMEOUT_MS = HANGS_MS + soakMs;

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
    const isMost = round >= count * MOST_TIMES || passedMs > MOST_MS;
    const done = round >= count && (enough() || isMost);
    if (soakMs > 0 ? passedMs > soakMs : done) return;
    yield round;
  }
}
