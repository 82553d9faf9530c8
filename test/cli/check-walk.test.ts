import fc from 'fast-check';
import { expect, it } from 'vitest';
import { check } from '../../src/cli/check/task.js';
import { EARNING_SOURCES, JOB_STATUSES, LIFECYCLE_STATES, type PylonDb } from '../../src/index.js';
import { literals, PUBLISHED_TABLES, testFile } from '../file.js';

/** Sequences a test, of about 30 calls each. */
const RUNS = 150;

type Call = (db: PylonDb) => Promise<unknown>;

// Mostly good: services refuse the others, and nothing of them is stored.
const mostly = <T>(good: fc.Arbitrary<T>, odd: readonly T[]) =>
  fc.oneof({ weight: 9, arbitrary: good }, { weight: 1, arbitrary: fc.constantFrom(...odd) });
const integer = mostly(fc.nat(65_535), [65_536, Number.MAX_SAFE_INTEGER, 2 ** 53, -1, 1.5]);
const text = mostly(fc.string({ minLength: 1 }), ['', 'é', 'a\0b', '\ud800', '\u001b[2J']);
const name = fc.constantFrom('a', 'b', 'c', 'd');
const json = mostly(fc.json(), ['{', '', 'null', "['x']"]);
const hash = fc.constantFrom('h', 'i', 'k', null);
const preimage = fc.option(text);
const option = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const status = fc.constantFrom(...JOB_STATUSES);

function call<Args extends unknown[]>(
  args: fc.Arbitrary<Args>,
  run: (db: PylonDb, ...args: Args) => Promise<unknown>,
): fc.Arbitrary<Call> {
  return args.map((values) => (db) => run(db, ...values));
}

/** Without those fields that are left out. */
function given<Fields extends object>(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, v]) => v !== undefined)) as Fields;
}

const anyCall: fc.Arbitrary<Call> = fc.oneof(
  call(
    fc.tuple(
      name,
      integer,
      text,
      option(status),
      option(integer),
      fc.option(text),
      option(integer),
    ),
    (db, id, kind, customer_pubkey, s, price, error_message, completed_at) =>
      db.jobs.create(
        given({
          id,
          kind,
          customer_pubkey,
          status: s,
          price_msats: price,
          error_message,
          completed_at,
        }) as Parameters<PylonDb['jobs']['create']>[0],
      ),
  ),
  call(fc.tuple(name, status), (db, id, to) => db.jobs.updateStatus(id, to)),
  call(fc.tuple(name, text), (db, id, why) => db.jobs.fail(id, why)),
  call(fc.tuple(name), (db, id) => db.jobs.cancel(id)),
  call(fc.tuple(name, integer, fc.option(text)), (db, id, price_msats, output_hash) =>
    db.jobs.complete(id, { price_msats, output_hash }),
  ),
  call(fc.tuple(name, integer, hash, preimage), (db, id, price_msats, payment_hash, secret) =>
    db.jobs.completeWithPayment(id, { price_msats, payment_hash, preimage: secret }),
  ),
  // The node is paid for jobs that it completed: for others the service asks no questions.
  call(fc.tuple(name, integer, hash, preimage), async (db, id, amount, payment_hash, secret) => {
    if ((await db.jobs.get(id))?.status !== 'completed') return;
    await db.earnings.recordForJob(id, amount, { payment_hash, preimage: secret });
  }),
  call(
    fc.tuple(text, integer, fc.constantFrom(...EARNING_SOURCES), hash, option(integer)),
    (db, id, amount_msats, source, payment_hash, earned_at) =>
      db.earnings.record(
        given({ id, amount_msats, source, payment_hash, earned_at }) as Parameters<
          PylonDb['earnings']['record']
        >[0],
      ),
  ),
  call(
    fc.tuple(name, text, fc.constantFrom(...LIFECYCLE_STATES), option(integer), fc.option(json)),
    (db, npub, called, lifecycle_state, balance_sats, memory_json) =>
      db.agents.upsert(
        given({ npub, name: called, lifecycle_state, balance_sats, memory_json }) as Parameters<
          PylonDb['agents']['upsert']
        >[0],
      ),
  ),
  call(fc.tuple(name, fc.integer()), (db, npub, delta) => db.agents.adjustBalance(npub, delta)),
  call(
    fc.tuple(name, integer, fc.option(integer), fc.option(json)),
    (db, npub, tick_number, cost_sats, actions_json) =>
      db.agents.recordTick(npub, { tick_number, cost_sats, actions_json }),
  ),
  call(fc.tuple(name), (db, npub) => db.agents.delete(npub)),
);

it('finds nothing in what the services stored, whatever they were called with', async () => {
  const { db, path } = await testFile();
  const input = { path, depth: 'default', repair: false, busyTimeoutMs: 1000 } as const;
  const most = { refused: 0, jobs: 0, earnings: 0, agents: 0, tick_history: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(anyCall, { minLength: 10, maxLength: 50 }), async (calls) => {
      const outcomes = await Promise.allSettled(calls.map((run) => run(db)));
      most.refused += outcomes.filter((outcome) => outcome.status === 'rejected').length;
      for (const table of PUBLISHED_TABLES) {
        const rows = literals(path, table)[table] ?? [];
        most[table] = Math.max(most[table], rows.length);
      }
      const { findings } = await check(input, () => {});
      // Callers say when something happened, and a clock may be wrong: that is noted, and is not a fault.
      expect(findings.filter(({ problem }) => !problem.includes('a clock was wrong'))).toEqual([]);
    }),
    { numRuns: RUNS },
  );
  // The walk went somewhere: every table had rows, and some calls were refused.
  for (const [what, count] of Object.entries(most)) expect(count, what).toBeGreaterThan(0);
});
