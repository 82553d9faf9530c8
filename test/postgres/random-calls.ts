import fc from 'fast-check';
import {
  EARNING_SOURCES,
  type Earning,
  JOB_STATUSES,
  type Job,
  LIFECYCLE_STATES,
  type PylonDb,
  type Tick,
} from '../../src/index.js';

/** The clocks of Berlin and New York change within these days. */
export const SPRING_2026 = 1_773_000_000;
export const FEW_SECONDS = 3;
const THREE_WEEKS = 1_814_400;

/** What is asked of each engine. */
export type Call = (db: PylonDb) => Promise<unknown>;
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

const storing: fc.Arbitrary<Named> = fc.oneof(
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
    .record({
      id: key,
      job_id: fc.option(key, { nil: null }),
      amount_msats: amount,
      source: fc.constantFrom(...EARNING_SOURCES),
      payment_hash: hash,
      earned_at: time,
    })
    .map((earning): Named => ['earnings.record', (db) => db.earnings.record(earning)]),
  fc
    .record(
      { npub: key, name: key, lifecycle_state: state, balance_sats: amount, tick_count: amount },
      { requiredKeys: ['npub', 'name', 'lifecycle_state'] },
    )
    .map((agent): Named => ['agents.upsert', (db) => db.agents.upsert(agent)]),
  fc
    .tuple(key, fc.nat(3), amount)
    .map(
      ([npub, tick_number, cost_sats]): Named => [
        'agents.recordTick',
        (db) => db.agents.recordTick(npub, { tick_number, cost_sats }),
      ],
    ),
);

const others: fc.Arbitrary<Named> = fc.oneof(
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
  key.map((id): Named => ['jobs.get', (db) => db.jobs.get(id)]),
  fc.constant<Named>(['jobs.countByStatus', (db) => db.jobs.countByStatus()]),
  fc
    .tuple(key, amount, hash)
    .map(
      ([id, amount_msats, payment_hash]): Named => [
        'earnings.recordForJob',
        (db) => db.earnings.recordForJob(id, amount_msats, { payment_hash }),
      ],
    ),
  key.map((id): Named => ['earnings.get', (db) => db.earnings.get(id)]),
  key.map((id): Named => ['earnings.forJob', (db) => db.earnings.forJob(id)]),
  fc
    .constantFrom('h1', 'h2', 'h3')
    .map((paid): Named => ['earnings.byPaymentHash', (db) => db.earnings.byPaymentHash(paid)]),
  fc.constant<Named>(['earnings.total', (db) => db.earnings.total()]),
  fc.constant<Named>(['earnings.today', (db) => db.earnings.today()]),
  limit.map((size): Named => ['earnings.recent', (db) => db.earnings.recent(size)]),
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
    .tuple(key, state)
    .map(([npub, to]): Named => ['agents.updateState', (db) => db.agents.updateState(npub, to)]),
  fc
    .tuple(key, amount)
    .map(
      ([npub, balance]): Named => [
        'agents.updateBalance',
        (db) => db.agents.updateBalance(npub, balance),
      ],
    ),
  fc
    .tuple(key, fc.oneof(amount, fc.integer({ min: -9, max: 9 })))
    .map(
      ([npub, delta]): Named => [
        'agents.adjustBalance',
        (db) => db.agents.adjustBalance(npub, delta),
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
  key.map((npub): Named => ['agents.get', (db) => db.agents.get(npub)]),
  state.map((of): Named => ['agents.listByState', (db) => db.agents.listByState(of)]),
  fc.constant<Named>(['agents.listAll', (db) => db.agents.listAll()]),
);

/** Calls of all services; every third stores a row, so that the others find some. */
export const calls: fc.Arbitrary<Named> = fc.oneof(
  { arbitrary: storing, weight: 1 },
  { arbitrary: others, weight: 2 },
);

/** All that is stored, in pages of two. */
export const EVERYTHING: readonly Named[] = [
  ['all jobs', (db) => allPages<Job>((before) => db.jobs.list({ limit: 2, ...before }))],
  [
    'all earnings',
    (db) => allPages<Earning>((before) => db.earnings.inRange(0, 2 ** 40, { limit: 2, ...before })),
  ],
  ['all agents', (db) => db.agents.listAll()],
  ['all ticks', allTicks],
  ['what is earned', (db) => db.earnings.summary()],
];

async function allTicks(db: PylonDb): Promise<Tick[]> {
  const ticks: Tick[] = [];
  for (const { npub } of await db.agents.listAll()) {
    ticks.push(
      ...(await allPages<Tick>((before) => db.agents.tickHistory(npub, { limit: 2, ...before }))),
    );
  }
  return ticks;
}

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
