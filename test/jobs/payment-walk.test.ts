import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Earning, isPylonDbError, type Job, type PylonDb } from '../../src/index.js';
import { type TestDatabase, testDatabase } from '../database.js';
import { type ModelEarning, PaymentModel, Refused } from './payment-model.js';

/** Random sequences; each has up to 12 calls, every one made twice. */
const RUNS = 120;

interface Call {
  readonly does: string;
  /** Whether the same call again may record something new: without a hash, each is a payment. */
  readonly recordsAgain: boolean;
  readonly run: (db: PylonDb) => Promise<unknown>;
  /** What the model gives, an earning where the call gives one. */
  readonly model: (model: PaymentModel) => ModelEarning | undefined;
}

const id = fc.constantFrom('a', 'a', 'b', 'nobody');
const status = fc.constantFrom('pending', 'processing', 'completed', 'failed', 'cancelled');
const price = fc.constantFrom(0, 1, 1, 2);
const output = fc.constantFrom('o', 'x', null, null);
const hash = fc.constantFrom('h', 'i', null);
const preimage = fc.constantFrom('p', 'q', null, null);
const payment = fc.record({ payment_hash: hash, preimage });

const anyCall: fc.Arbitrary<Call> = fc.oneof(
  fc.tuple(id, status).map(([a, to]) => ({
    does: `updateStatus(${a}, ${to})`,
    recordsAgain: false,
    run: (db: PylonDb) => db.jobs.updateStatus(a, to as Job['status']),
    model: (m: PaymentModel) => m.updateStatus(a, to) ?? undefined,
  })),
  fc.tuple(id, fc.constantFrom('no model', 'late')).map(([a, text]) => ({
    does: `fail(${a}, ${text})`,
    recordsAgain: false,
    run: (db: PylonDb) => db.jobs.fail(a, text),
    model: (m: PaymentModel) => m.fail(a, text) ?? undefined,
  })),
  fc.tuple(id, price, output).map(([a, price_msats, output_hash]) => ({
    does: `complete(${a}, ${price_msats}, ${output_hash})`,
    recordsAgain: false,
    run: (db: PylonDb) => db.jobs.complete(a, { price_msats, output_hash }),
    model: (m: PaymentModel) => m.complete(a, price_msats, output_hash) ?? undefined,
  })),
  fc.tuple(id, price, output, payment).map(([a, price_msats, output_hash, paid]) => ({
    does: `completeWithPayment(${a}, ${price_msats}, ${output_hash}, ${JSON.stringify(paid)})`,
    recordsAgain: false,
    run: async (db: PylonDb) =>
      (await db.jobs.completeWithPayment(a, { price_msats, output_hash, ...paid })).earning,
    model: (m: PaymentModel) => m.completeWithPayment(a, price_msats, output_hash, paid),
  })),
  fc.tuple(id, price, payment).map(([a, amount_msats, paid]) => ({
    does: `recordForJob(${a}, ${amount_msats}, ${JSON.stringify(paid)})`,
    recordsAgain: paid.payment_hash === null,
    run: async (db: PylonDb) =>
      await db.earnings.get(await db.earnings.recordForJob(a, amount_msats, paid)),
    model: (m: PaymentModel) => m.record({ job_id: a, amount_msats, source: 'job', ...paid }),
  })),
  fc.tuple(price, payment).map(([amount_msats, paid]) => ({
    does: `record(tip, ${amount_msats}, ${JSON.stringify(paid)})`,
    recordsAgain: paid.payment_hash === null,
    run: (db: PylonDb) =>
      db.earnings.record({ id: crypto.randomUUID(), amount_msats, source: 'tip', ...paid }),
    model: (m: PaymentModel) => m.record({ job_id: null, amount_msats, source: 'tip', ...paid }),
  })),
);

async function outcome(call: () => Promise<unknown>): Promise<unknown> {
  try {
    return await call();
  } catch (error) {
    if (!isPylonDbError(error)) throw error;
    return error.code;
  }
}

function modelOutcome(call: () => ModelEarning | undefined): ModelEarning | string | undefined {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return error.message;
  }
}

it('stores what a small model stores, in any order of calls, each made twice', async () => {
  const database = await testDatabase();
  const { db, writeByAnother, time } = database;
  await fc.assert(
    fc.asyncProperty(fc.array(anyCall, { minLength: 2, maxLength: 12 }), async (calls) => {
      await writeByAnother('delete from earnings; delete from jobs');
      const model = new PaymentModel();
      for (const name of ['a', 'b']) {
        model.create(name);
        await db.jobs.create({ id: name, kind: 1, customer_pubkey: 'b', status: 'processing' });
      }
      for (const { does, run, model: inModel, recordsAgain } of calls) {
        time.now += 1;
        const expected = modelOutcome(() => inModel(model));
        const got = await outcome(() => run(db));
        if (typeof expected === 'string') expect({ does, got }).toEqual({ does, got: expected });
        else expect({ does, got }).not.toEqual({ does, got: expect.any(String) });
        // Acknowledged is stored: the preimage above all.
        if (typeof expected === 'object') expect(got).toMatchObject(expected);
        await assertStored(database, model, does);
        if (recordsAgain || typeof expected === 'string') continue;
        time.now += 1;
        expect(await run(db)).toEqual(got);
        await assertStored(database, model, `${does} again`);
      }
    }),
    { numRuns: RUNS },
  );
});

async function assertStored(
  { stored, db }: TestDatabase,
  model: PaymentModel,
  does: string,
): Promise<void> {
  const jobs = await stored(
    'select id, status, price_msats, output_hash, error_message from jobs order by id',
  );
  expect({ does, jobs }).toEqual({
    does,
    jobs: [...model.jobs].map(([name, job]) => ({ id: name, ...job })),
  });
  const earnings = (await stored('select * from earnings order by earned_at')) as Earning[];
  expect({ does, earnings }).toMatchObject({ does, earnings: model.earnings });
  expect(earnings).toHaveLength(model.earnings.length);
  expect(await db.earnings.total()).toBe(
    model.earnings.reduce((sum, { amount_msats }) => sum + amount_msats, 0),
  );
}
