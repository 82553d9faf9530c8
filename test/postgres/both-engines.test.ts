import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isPylonDbError, PylonDb } from '../../src/index.js';
import { temporaryFolder } from '../temporary.js';
import { describeOnServer } from './own-server.js';
import { type Call, calls, EVERYTHING, FEW_SECONDS, SPRING_2026 } from './random-calls.js';

/** Printed with each run; `PYLON_FUZZ_SEED` runs one again. */
const SEED = Number(process.env['PYLON_FUZZ_SEED'] ?? Date.now() % 2 ** 31);

/** Sequences of calls, and the most calls of each. */
const SEQUENCES = 25;
const CALLS = 60;

/** Calls that store an earning under an id of its own. */
const MAKES_ID: ReadonlySet<string> = new Set([
  'earnings.recordForJob',
  'jobs.completeWithPayment',
]);

/** What a call gave or threw, without the ids that each database makes for itself. */
async function outcomeOf(call: Call, db: PylonDb): Promise<unknown> {
  try {
    return withoutMadeIds(await call(db));
  } catch (error) {
    if (!isPylonDbError(error)) throw error;
    return withoutMadeIds({ code: error.code, problem: error.problem, details: error.details });
  }
}

function withoutMadeIds(value: unknown): unknown {
  // An answer of nothing is not an answer of NULL.
  if (value === undefined) return undefined;
  const text = JSON.stringify(value, (name, item: unknown) =>
    name === 'id' && typeof item === 'number' ? 'of a tick' : item,
  );
  return JSON.parse(text.replace(/earn-[0-9a-f-]{36}/g, 'earn-made'));
}

describeOnServer('a file and a server', (own) => {
  it(`answer every sequence of calls alike (seed ${SEED})`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(calls, { minLength: CALLS / 2, maxLength: CALLS }), async (all) => {
        let now = SPRING_2026;
        const clock = () => now;
        const file = await PylonDb.open(join(temporaryFolder(), 'pylon.db'), { clock });
        const server = await PylonDb.open(await own.freshSchema(), { clock });
        try {
          for (const [i, [name, call]] of [...all, ...EVERYTHING].entries()) {
            // Rows of one second stand in the order of their ids, which each database makes for itself.
            const makesId = MAKES_ID.has(name) || MAKES_ID.has(all[i - 1]?.[0] ?? '');
            now += i % FEW_SECONDS === 0 || makesId ? 1 : 0;
            const expected = await outcomeOf(call, file);
            expect(await outcomeOf(call, server), `call ${i}: ${name}`).toEqual(expected);
          }
        } finally {
          await Promise.all([file.close(), server.close()]);
        }
      }),
      { seed: SEED, numRuns: SEQUENCES, endOnFailure: true },
    );
  });
});
