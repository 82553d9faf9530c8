import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isPylonDbError, type PylonDb } from '../../src/index.js';
import { ENGINE, type TestDatabase, testDatabase } from '../database.js';
import { fuzzSeed } from '../faults/random.js';
import { foreignTrigger, SWALLOW, type TriggerEvent } from '../foreign-trigger.js';

const SEED = fuzzSeed();
const RUNS = ENGINE === 'sqlite' ? 25 : 8;
const TABLES = ['jobs', 'earnings', 'agents', 'tick_history'] as const;
const KEYS = { jobs: 'id', earnings: 'id', agents: 'npub', tick_history: 'id' } as const;
/** A column of each that no rule depends on. */
const NUMBERS = {
  jobs: 'created_at',
  earnings: 'earned_at',
  agents: 'created_at',
  tick_history: 'created_at',
} as const;

const table = fc.constantFrom(...TABLES);
const triggers = fc.array(
  fc.oneof(
    fc.record({
      event: fc
        .tuple(fc.constantFrom('insert', 'update', 'delete'), table)
        .map(([verb, on]) => `before ${verb} on ${on}` as TriggerEvent),
      effect: fc.constant(SWALLOW),
    }),
    fc
      .tuple(fc.constantFrom('insert', 'update'), table, fc.boolean())
      .map(([verb, on, removes]) => {
        const mine = `${KEYS[on]} = new.${KEYS[on]}`;
        return {
          event: `after ${verb} on ${on}` as TriggerEvent,
          effect: removes
            ? `delete from ${on} where ${mine}`
            : `update ${on} set ${NUMBERS[on]} = 77 where ${mine} and ${NUMBERS[on]} <> 77`,
        };
      }),
  ),
  { minLength: 1, maxLength: 2 },
);

const id = fc.constantFrom('a', 'b', 'new');
const price = { price_msats: 5 };
/** A call, and in which table what it gives is stored; none where it gives no row. */
type Call = readonly [name: string, (db: PylonDb) => Promise<Given>];
type Given = readonly (readonly [table: (typeof TABLES)[number], row: object])[];

const calls = fc.array(
  fc.oneof(
    id.map(
      (job): Call => [
        `create ${job}`,
        async ({ jobs }) => [
          ['jobs', await jobs.create({ id: job, kind: 1, customer_pubkey: 'c', created_at: 9 })],
        ],
      ],
    ),
    id.map(
      (job): Call => [
        `complete ${job}`,
        async ({ jobs }) => [['jobs', await jobs.complete(job, price)]],
      ],
    ),
    id.map(
      (job): Call => [`cancel ${job}`, async ({ jobs }) => [['jobs', await jobs.cancel(job)]]],
    ),
    id.map(
      (job): Call => [
        `pay ${job}`,
        async ({ jobs }) => {
          const paid = await jobs.completeWithPayment(job, { ...price, payment_hash: `of ${job}` });
          return [
            ['jobs', paid.job],
            ['earnings', paid.earning],
          ];
        },
      ],
    ),
    id.map(
      (tip): Call => [
        `record ${tip}`,
        async ({ earnings }) => [
          ['earnings', await earnings.record({ id: tip, amount_msats: 1, source: 'tip' })],
        ],
      ],
    ),
    fc.constant<Call>([
      'claim',
      async ({ jobs }) => {
        const job = await jobs.claimNext();
        return job === undefined ? [] : [['jobs', job]];
      },
    ]),
    id.map(
      (npub): Call => [
        `upsert ${npub}`,
        async ({ agents }) => [
          ['agents', await agents.upsert({ npub, name: npub, lifecycle_state: 'active' })],
        ],
      ],
    ),
    id.map(
      (npub): Call => [
        `adjust ${npub}`,
        async ({ agents }) => [['agents', await agents.adjustBalance(npub, 3)]],
      ],
    ),
    id.map(
      (npub): Call => [
        `tick of ${npub}`,
        async ({ agents }) => [['tick_history', await agents.recordTick(npub, { tick_number: 3 })]],
      ],
    ),
    id.map(
      (npub): Call => [
        `delete ${npub}`,
        async ({ agents }) => {
          await agents.delete(npub);
          return [];
        },
      ],
    ),
  ),
  { minLength: 1, maxLength: 6 },
);

async function filled(): Promise<TestDatabase> {
  const database = await testDatabase();
  const { jobs, agents } = database.db;
  for (const key of ['a', 'b']) {
    await jobs.create({ id: key, kind: 1, customer_pubkey: 'c' });
    await agents.upsert({ npub: key, name: key, lifecycle_state: 'active' });
    await agents.recordTick(key, { tick_number: 1 });
  }
  return database;
}

it(`whatever triggers of another program do, what a call gives is stored, and what it refuses is not (seed ${SEED})`, async () => {
  await fc.assert(
    fc.asyncProperty(triggers, calls, async (made, asked) => {
      const database = await filled();
      for (const { event, effect } of made) await foreignTrigger(database, event, effect);
      const db = await database.open();
      for (const [name, call] of asked) {
        const before = await database.literals(...TABLES);
        const ended = await call(db).catch((error: unknown) => error);
        if (Array.isArray(ended)) {
          for (const [of, row] of ended as Given) {
            expect(await database.stored(`select * from ${of}`), name).toContainEqual(row);
          }
          continue;
        }
        if (!isPylonDbError(ended)) throw ended;
        expect(await database.literals(...TABLES), `${name}: ${ended.message}`).toEqual(before);
      }
    }),
    { seed: SEED, numRuns: RUNS },
  );
});
