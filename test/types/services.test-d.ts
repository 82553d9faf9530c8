import { assertType, describe, expectTypeOf, it } from 'vitest';
import type {
  Agent,
  CreatedJob,
  Earning,
  EarningSource,
  EarningsBucket,
  EarningsSummary,
  Job,
  JobStatus,
  LifecycleState,
  NewAgent,
  NewEarning,
  NewJob,
  NewTick,
  PylonDb,
  Tick,
} from '../../src/index.js';

declare const db: PylonDb;

const JOB = { id: 'a', kind: 5100, customer_pubkey: 'b' };
const EARNING = { id: 'a', amount_msats: 1, source: 'tip' } as const;
const AGENT = { npub: 'a', name: 'Bob', lifecycle_state: 'active' } as const;

describe('rows', () => {
  it('have the columns of the schema, with its unions', () => {
    expectTypeOf<Job>().toEqualTypeOf<{
      id: string;
      kind: number;
      customer_pubkey: string;
      status: 'pending' | 'processing' | 'completed' | 'failed' | 'cancelled';
      price_msats: number;
      input_hash: string | null;
      output_hash: string | null;
      error_message: string | null;
      started_at: number;
      completed_at: number | null;
      created_at: number;
    }>();
    expectTypeOf<Earning['source']>().toEqualTypeOf<'job' | 'tip' | 'other'>();
    expectTypeOf<Earning['job_id']>().toEqualTypeOf<string | null>();
    expectTypeOf<Agent['lifecycle_state']>().toEqualTypeOf<
      'embryonic' | 'active' | 'dormant' | 'terminated'
    >();
    expectTypeOf<Tick['id']>().toEqualTypeOf<number>();
    expectTypeOf<Tick['cost_sats']>().toEqualTypeOf<number | null>();
  });

  it('to create leave out what has a default', () => {
    assertType<NewJob>(JOB);
    assertType<NewEarning>(EARNING);
    assertType<NewAgent>(AGENT);
    assertType<NewTick>({ tick_number: 1 });
  });
});

describe('results', () => {
  it('of jobs', () => {
    expectTypeOf(db.jobs.create).returns.resolves.toEqualTypeOf<Job>();
    expectTypeOf(db.jobs.createIfNew).returns.resolves.toEqualTypeOf<CreatedJob>();
    expectTypeOf<CreatedJob>().toEqualTypeOf<{ readonly job: Job; readonly created: boolean }>();
    expectTypeOf(db.jobs.get).returns.resolves.toEqualTypeOf<Job | undefined>();
    expectTypeOf(db.jobs.updateStatus).returns.resolves.toEqualTypeOf<Job>();
    expectTypeOf(db.jobs.complete).returns.resolves.toEqualTypeOf<Job>();
    type Paid = Awaited<ReturnType<typeof db.jobs.completeWithPayment>>;
    expectTypeOf<Paid['job']>().toEqualTypeOf<Job>();
    expectTypeOf<Paid['earning']>().toEqualTypeOf<Earning>();
    expectTypeOf(db.jobs.fail).returns.resolves.toEqualTypeOf<Job>();
    expectTypeOf(db.jobs.cancel).returns.resolves.toEqualTypeOf<Job>();
    expectTypeOf(db.jobs.claimNext).returns.resolves.toEqualTypeOf<Job | undefined>();
    expectTypeOf(db.jobs.requeueStale).returns.resolves.toEqualTypeOf<number>();
    expectTypeOf(db.jobs.list).returns.resolves.toEqualTypeOf<Job[]>();
    expectTypeOf(db.jobs.listByStatus).returns.resolves.toEqualTypeOf<Job[]>();
    expectTypeOf(db.jobs.countByStatus).returns.resolves.toEqualTypeOf<Record<JobStatus, number>>();
  });

  it('of earnings', () => {
    expectTypeOf(db.earnings.record).returns.resolves.toEqualTypeOf<Earning>();
    expectTypeOf(db.earnings.recordForJob).returns.resolves.toEqualTypeOf<string>();
    expectTypeOf(db.earnings.get).returns.resolves.toEqualTypeOf<Earning | undefined>();
    expectTypeOf(db.earnings.forJob).returns.resolves.toEqualTypeOf<Earning[]>();
    expectTypeOf(db.earnings.byPaymentHash).returns.resolves.toEqualTypeOf<Earning | undefined>();
    expectTypeOf(db.earnings.total).returns.resolves.toEqualTypeOf<number>();
    expectTypeOf(db.earnings.today).returns.resolves.toEqualTypeOf<number>();
    expectTypeOf(db.earnings.summary).returns.resolves.toEqualTypeOf<EarningsSummary>();
    expectTypeOf<EarningsSummary['by_source']>().toEqualTypeOf<Record<EarningSource, number>>();
    expectTypeOf(db.earnings.recent).returns.resolves.toEqualTypeOf<Earning[]>();
    expectTypeOf(db.earnings.inRange).returns.resolves.toEqualTypeOf<Earning[]>();
    expectTypeOf(db.earnings.rollup).returns.resolves.toEqualTypeOf<EarningsBucket[]>();
  });

  it('of agents', () => {
    expectTypeOf(db.agents.upsert).returns.resolves.toEqualTypeOf<Agent>();
    expectTypeOf(db.agents.get).returns.resolves.toEqualTypeOf<Agent | undefined>();
    expectTypeOf(db.agents.listByState).returns.resolves.toEqualTypeOf<Agent[]>();
    expectTypeOf(db.agents.listAll).returns.resolves.toEqualTypeOf<Agent[]>();
    expectTypeOf(db.agents.updateState).returns.resolves.toEqualTypeOf<Agent>();
    expectTypeOf(db.agents.updateBalance).returns.resolves.toEqualTypeOf<Agent>();
    expectTypeOf(db.agents.adjustBalance).returns.resolves.toEqualTypeOf<Agent>();
    expectTypeOf(db.agents.recordTick).returns.resolves.toEqualTypeOf<Tick>();
    expectTypeOf(db.agents.tickHistory).returns.resolves.toEqualTypeOf<Tick[]>();
    expectTypeOf(db.agents.delete).returns.resolves.toEqualTypeOf<boolean>();
  });

  it('of a transaction are those of its callback', () => {
    expectTypeOf(db.transaction(async (tx) => await tx.jobs.get('a'))).resolves.toEqualTypeOf<
      Job | undefined
    >();
  });

  it('may be missing where a row may be', async () => {
    const job = await db.jobs.get('a');
    // @ts-expect-error: nobody may be there
    job.status;
    const claimed = await db.jobs.claimNext();
    // @ts-expect-error: nothing may be pending
    claimed.id;
  });
});

describe('what does not compile', () => {
  it('a wrong status, source or state', () => {
    // @ts-expect-error
    db.jobs.create({ ...JOB, status: 'finished' });
    // @ts-expect-error
    db.jobs.updateStatus('a', 'finished');
    // @ts-expect-error
    db.jobs.updateStatus('a', 'failed', { from: ['pending', 'finished'] });
    // @ts-expect-error
    db.jobs.listByStatus('Pending');
    // @ts-expect-error
    db.jobs.list({ status: 'finished' });
    // @ts-expect-error
    db.earnings.record({ ...EARNING, source: 'gift' });
    // @ts-expect-error
    db.earnings.rollup({ by: 'year' });
    // @ts-expect-error
    db.agents.upsert({ ...AGENT, lifecycle_state: 'asleep' });
    // @ts-expect-error
    db.agents.updateState('a', 'asleep');
    // @ts-expect-error
    assertType<LifecycleState>('asleep');
  });

  it('a column that is not there', () => {
    // @ts-expect-error
    db.jobs.create({ ...JOB, colour: 'red' });
    // @ts-expect-error
    db.jobs.complete('a', { price_msats: 1, price: 1 });
    // @ts-expect-error
    db.jobs.list({ state: 'pending' });
    // @ts-expect-error
    db.earnings.record({ ...EARNING, amount_sats: 1 });
    // @ts-expect-error
    db.agents.upsert({ ...AGENT, balance_msats: 1 });
    // @ts-expect-error
    db.agents.recordTick('a', { tick_number: 1, created_at: 1 });
    // @ts-expect-error
    db.jobs.create(JOB).then((job) => job.priority);
  });

  it('a value of the wrong type', () => {
    // @ts-expect-error
    db.jobs.create({ ...JOB, kind: '5100' });
    // @ts-expect-error
    db.jobs.create({ ...JOB, price_msats: 5n });
    // @ts-expect-error
    db.jobs.create({ ...JOB, price_msats: null });
    // @ts-expect-error
    db.jobs.create({ ...JOB, created_at: new Date() });
    // @ts-expect-error
    db.jobs.get(7);
    // @ts-expect-error
    db.jobs.complete('a', { price_msats: '5' });
    // @ts-expect-error
    db.jobs.claimNext({ kinds: ['5100'] });
    // @ts-expect-error
    db.jobs.list({ before: { created_at: 1 } });
    // @ts-expect-error
    db.earnings.recordForJob('a', '5');
    // @ts-expect-error
    db.earnings.inRange('2026-07-01', 5);
    // @ts-expect-error
    db.agents.upsert({ ...AGENT, memory_json: { facts: [] } });
    // @ts-expect-error
    db.agents.adjustBalance('a', 5n);
  });

  it('a field that is missing', () => {
    // @ts-expect-error
    db.jobs.create({ id: 'a', kind: 5100 });
    // @ts-expect-error
    db.jobs.create({ kind: 5100, customer_pubkey: 'b' });
    // @ts-expect-error
    db.jobs.complete('a', {});
    // @ts-expect-error
    db.jobs.complete('a');
    // @ts-expect-error
    db.jobs.requeueStale({});
    // @ts-expect-error
    db.earnings.record({ id: 'a', source: 'tip' });
    // @ts-expect-error
    db.earnings.rollup({});
    // @ts-expect-error
    db.agents.upsert({ npub: 'a', name: 'Bob' });
    // @ts-expect-error
    db.agents.recordTick('a', { tick_number: 1, charge: true });
    // @ts-expect-error
    db.agents.recordTick('a', { cost_sats: 1, charge: true });
  });
});
