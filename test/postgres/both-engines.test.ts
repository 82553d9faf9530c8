import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  EARNING_SOURCES,
  type Earning,
  isPylonDbError,
  JOB_STATUSES,
  type Job,
  LIFECYCLE_STATES,
  PylonDb,
  type Tick,
} from '../../src/index.js';
import { temporaryFolder } from '../temporary.js';
import { describeOnServer } from './own-server.js';

/** Printed with each run; `PYLON_FUZZ_SEED` runs one again. */
const SEED = Number(process.env['PYLON_FUZZ_SEED'] ?? Date.now() % 2 ** 31);

/** Sequences of calls, and the most calls of each. */
const SEQUENCES = 25;
const CALLS = 60;

/** The clocks of Berlin and New York change within these days. */
const SPRING_2026 = 1_773_000_000;
const FEW_SECONDS = 3;
const THREE_WEEKS = 1_814_400;

type Call = (db: PylonDb) => Promise<unknown>;
type Named = [name: string, call: Call];

// Few of each, so that calls meet; bytes and UTF-16 order the last three differently.
const key = fc.constantFrom('a', 'B', 'ab', 'é', 'e\u0301', '\uffee', '😀', '"; --');
const hash = fc.option(fc.constantFrom('h1', 'h2', 'h3'), { nil: null });
const amount = fc.oneof(
  fc.nat(5000),
  fc.constantFrom(0, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER),
  fc.constantFrom(-1, 1.5),
);
const time = fc.oneof(
  fc.nat(FEW_SECONDS).map((seconds) => SPRING_2026 + seconds),
  fc.nat(THREE_WEEKS).map((seconds) => SPRING_2026 + seconds),
);
const limit = fc.integer({ min: 1, max: 5 });
const status = fc.constantFrom(...JOB_STATUSES);
const state = fc.constantFrom(...LIFECYCLE_STATES);
const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe');
const width = fc.constantFrom('hour', 'day', 'week', 'month');

const calls: fc.Arbitrary<Named> = fc.oneof(
  fc
    .record({
      id: key,
      kind: fc.constantFrom(1, 5100),
      customer_pubkey: key,
      status,
      created_at: time,
    })
    .map((job): Named => ['jobs.create', (db) => db.jobs.create(job)]),
  fc
    .tuple(key, status)
    .map(([id, to]): Named => ['jobs.updateStatus', (db) => db.jobs.updateStatus(id, to)]),
  fc
    .tuple(key, amount, hash)
    .map(
      ([id, price_msats, output_hash]): Named => [
        'jobs.complete',
        (db) => db.jobs.complete(id, { price_msats, output_hash }),
      ],
    ),
  fc
    .tuple(key, amount, hash)
    .map(
      ([id, price_msats, payment_hash]): Named => [
        'jobs.completeWithPayment',
        (db) => db.jobs.completeWithPayment(id, { price_msats, payment_hash }),
      ],
    ),
  fc.tuple(key, key).map(([id, why]): Named => ['jobs.fail', (db) => db.jobs.fail(id, why)]),
  key.map((id): Named => ['jobs.cancel', (db) => db.jobs.cancel(id)]),
  fc
    .subarray([1, 5100, 7], { minLength: 1 })
    .map((kinds): Named => ['jobs.claimNext', (db) => db.jobs.claimNext({ kinds })]),
  fc.constant<Named>(['jobs.claimNext of any', (db) => db.jobs.claimNext()]),
  time.map(
    (startedBefore): Named => [
      'jobs.requeueStale',
      (db) => db.jobs.requeueStale({ startedBefore }),
    ],
  ),
  fc
    .record({ limit }, { requiredKeys: ['limit'] })
    .chain((page) =>
      fc
        .record({ status, customer_pubkey: key }, { requiredKeys: [] })
        .map(
          (filter): Named => [
            'jobs.list, all pages',
            (db) => allPages<Job>((before) => db.jobs.list({ ...page, ...filter, ...before })),
          ],
        ),
    ),
  fc.constant<Named>(['jobs.countByStatus', (db) => db.jobs.countByStatus()]),
  fc
    .record({
      id: key,
      job_id: fc.option(key, { nil: null }),
      amount_msats: amount,
      source: fc.constantFrom(...EARNING_SOURCES),
      payment_hash: hash,
      earned_at: time,
    })
    .map((earning): Named => ['earnings.record', (db) => db.earnings.record(earning)]),
  key.map((id): Named => ['earnings.forJob', (db) => db.earnings.forJob(id)]),
  fc.constant<Named>(['earnings.summary', (db) => db.earnings.summary()]),
  fc
    .tuple(time, time, limit)
    .map(
      ([start, end, size]): Named => [
        'earnings.inRange, all pages',
        (db) =>
          allPages<Earning>((before) =>
            db.earnings.inRange(start, end, { limit: size, ...before }),
          ),
      ],
    ),
  fc
    .tuple(width, zone, time)
    .map(
      ([by, timeZone, start]): Named => [
        'earnings.rollup',
        (db) => db.earnings.rollup({ by, timeZone, start, end: start + THREE_WEEKS }),
      ],
    ),
  fc
    .record(
      { npub: key, name: key, lifecycle_state: state, balance_sats: amount, tick_count: amount },
      { requiredKeys: ['npub', 'name', 'lifecycle_state'] },
    )
    .map((agent): Named => ['agents.upsert', (db) => db.agents.upsert(agent)]),
  fc
    .tuple(key, fc.oneof(amount, fc.integer({ min: -9, max: 9 })))
    .map(
      ([npub, delta]): Named => [
        'agents.adjustBalance',
        (db) => db.agents.adjustBalance(npub, delta),
      ],
    ),
  fc
    .tuple(key, fc.nat(3), amount)
    .map(
      ([npub, tick_number, cost_sats]): Named => [
        'agents.recordTick',
        (db) => db.agents.recordTick(npub, { tick_number, cost_sats }),
      ],
    ),
  fc
    .tuple(key, limit)
    .map(
      ([npub, size]): Named => [
        'agents.tickHistory, all pages',
        (db) => allPages<Tick>((before) => db.agents.tickHistory(npub, { limit: size, ...before })),
      ],
    ),
  key.map((npub): Named => ['agents.delete', (db) => db.agents.delete(npub)]),
  fc.constant<Named>(['agents.listAll', (db) => db.agents.listAll()]),
);

/** All that is stored, in pages of two. */
const EVERYTHING: readonly Named[] = [
  ['all jobs', (db) => allPages<Job>((before) => db.jobs.list({ limit: 2, ...before }))],
  [
    'all earnings',
    (db) => allPages<Earning>((before) => db.earnings.inRange(0, 2 ** 40, { limit: 2, ...before })),
  ],
  ['all agents', (db) => db.agents.listAll()],
  ['what is earned', (db) => db.earnings.summary()],
];

/** Every row of a list, page by page. */
async function allPages<Row>(page: (start: { before?: Row }) => Promise<Row[]>): Promise<Row[]> {
  const rows: Row[] = [];
  for (;;) {
    const before = rows.at(-1);
    const next = await page(before === undefined ? {} : { before });
    rows.push(...next);
    if (next.length === 0) return rows;
  }
}

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
  const text = JSON.stringify(value ?? null, (name, item: unknown) =>
    name === 'id' && typeof item === 'number' ? 'of a tick' : item,
  );
  return JSON.parse(text.replace(/earn-[0-9a-f-]{36}/g, 'earn-made'));
}

describeOnServer('a file and a server', (own) => {
  it(`answer every sequence of calls alike (seed ${SEED})`, { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(calls, { minLength: CALLS / 2, maxLength: CALLS }), async (all) => {
        let now = SPRING_2026;
        const clock = () => now;
        const file = await PylonDb.open(join(temporaryFolder(), 'pylon.db'), { clock });
        const server = await PylonDb.open(await own.freshSchema(), { clock });
        try {
          for (const [i, [name, call]] of [...all, ...EVERYTHING].entries()) {
            now += i % FEW_SECONDS === 0 ? 1 : 0;
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
