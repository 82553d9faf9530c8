import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  JOB_STATUSES,
  type Job,
  type JobStatus,
  type PylonDb,
  PylonDbError,
} from '../../src/index.js';
import { type TestDatabase, testDatabase } from '../database.js';

/** Random sequences a test; each takes about 20 ms. */
const RUNS = 150;

/** What a status may become in one step (DESIGN §3, written out anew). */
const NEXT: Readonly<Record<JobStatus, readonly JobStatus[]>> = {
  pending: ['processing', 'completed', 'failed', 'cancelled'],
  processing: ['pending', 'completed', 'failed', 'cancelled'],
  failed: ['pending', 'processing', 'completed'],
  completed: [],
  cancelled: [],
};
const FINAL: readonly JobStatus[] = ['completed', 'cancelled'];
const ENDED: readonly JobStatus[] = ['completed', 'failed', 'cancelled'];
const REFUSALS = ['ILLEGAL_TRANSITION', 'NOT_FOUND', 'DUPLICATE_PAYMENT'];

interface Call {
  /** Which of the connections makes it. */
  readonly by: number;
  readonly does: string;
  readonly run: (db: PylonDb, now: number) => Promise<unknown>;
}

const id = fc.constantFrom('a', 'b', 'c', 'nobody');
const status = fc.constantFrom(...JOB_STATUSES);
const price = fc.constantFrom(1, 2);
const hash = fc.constantFrom('h', 'i', null);
const from = fc.option(fc.subarray([...JOB_STATUSES], { minLength: 1 }), { nil: undefined });

/** One call, shown by its name and arguments when a sequence fails. */
function call<Args extends unknown[]>(
  name: string,
  args: fc.Arbitrary<Args>,
  run: (db: PylonDb, args: Args, now: number) => Promise<unknown>,
): fc.Arbitrary<Call> {
  return fc.tuple(fc.nat(2), args).map(([by, values]) => ({
    by,
    does: `${name}(${JSON.stringify(values)}) by ${by}`,
    run: (db, now) => run(db, values, now),
  }));
}

const anyCall: fc.Arbitrary<Call> = fc.oneof(
  call('updateStatus', fc.tuple(id, status, from), (db, [a, to, sources]) =>
    db.jobs.updateStatus(a, to, sources === undefined ? {} : { from: sources }),
  ),
  call('complete', fc.tuple(id, price, hash), (db, [a, price_msats, output_hash]) =>
    db.jobs.complete(a, { price_msats, output_hash }),
  ),
  call('completeWithPayment', fc.tuple(id, price, hash), (db, [a, price_msats, payment_hash]) =>
    db.jobs.completeWithPayment(a, { price_msats, payment_hash }),
  ),
  call('fail', fc.tuple(id, fc.constantFrom('x', 'y')), (db, [a, text]) => db.jobs.fail(a, text)),
  call('cancel', fc.tuple(id), (db, [a]) => db.jobs.cancel(a)),
  call('claimNext', fc.tuple(), (db) => db.jobs.claimNext()),
  call('requeueStale', fc.tuple(), (db, _, now) => db.jobs.requeueStale({ startedBefore: now })),
);

/** Calls made at the same moment, round after round. */
const rounds = fc.array(fc.array(anyCall, { minLength: 1, maxLength: 4 }), { maxLength: 12 });

/** Statuses that `status` can reach in at most `steps` steps, itself included. */
function reachable(status: JobStatus, steps: number): ReadonlySet<JobStatus> {
  let reached = new Set([status]);
  for (let i = 0; i < steps; i++)
    reached = new Set([...reached, ...[...reached].flatMap((s) => NEXT[s])]);
  return reached;
}

function assertAllowed(job: Job, before: Job, calls: number): void {
  if (FINAL.includes(before.status)) {
    // A repeat fills what was left empty.
    const price_msats = before.price_msats === 0 ? job.price_msats : before.price_msats;
    expect(job).toEqual({
      ...before,
      price_msats: before.status === 'completed' ? price_msats : before.price_msats,
      output_hash:
        before.status === 'completed'
          ? (before.output_hash ?? job.output_hash)
          : before.output_hash,
    });
  }
  expect(reachable(before.status, calls)).toContain(job.status);
  expect(job.completed_at !== null).toBe(ENDED.includes(job.status));
  if (job.status === 'completed') expect(job.error_message).toBeNull();
  expect(job).toMatchObject({ kind: 1, customer_pubkey: 'b', created_at: before.created_at });
}

it('never leaves a final status, nor stores what the rules forbid, in any order of calls', async () => {
  const database = await testDatabase();
  const { db, time, open, stored, writeByAnother } = database;
  const connections = [db, await open(), await open()];
  const jobs = async () => (await db.jobs.list()).toReversed();

  await fc.assert(
    fc.asyncProperty(rounds, async (sequence) => {
      await writeByAnother('delete from earnings; delete from jobs');
      for (const name of ['a', 'b', 'c']) {
        await db.jobs.create({ id: name, kind: 1, customer_pubkey: 'b' });
      }
      let before = await jobs();
      for (const calls of sequence) {
        // What was started in the rounds before is stale now.
        time.now += 1;
        const outcomes = await Promise.allSettled(
          calls.map(({ by, run }) => run(connections[by] ?? db, time.now)),
        );
        const after = await jobs();
        expect(after).toEqual(await stored('select * from jobs order by id'));
        for (const [i, job] of after.entries()) {
          const old = before[i];
          if (old === undefined) throw new Error('a job appeared');
          assertAllowed(job, old, calls.length);
        }
        for (const outcome of outcomes) {
          if (outcome.status === 'fulfilled') continue;
          expect(outcome.reason).toBeInstanceOf(PylonDbError);
          expect(REFUSALS).toContain(outcome.reason.code);
          if (calls.length === 1) expect(after).toEqual(before);
        }
        await assertPaidOnce(database);
        before = after;
      }
    }),
    { numRuns: RUNS },
  );
});

/** An earning is of a completed job at its price; no job and no payment has two. */
async function assertPaidOnce({ stored }: TestDatabase): Promise<void> {
  const wrong = await stored(`select * from earnings e left join jobs j on j.id = e.job_id
     where j.status is distinct from 'completed' or j.price_msats <> e.amount_msats`);
  expect(wrong).toEqual([]);
  for (const column of ['job_id', 'payment_hash']) {
    expect(
      await stored(`select ${column} from earnings where ${column} is not null
         group by ${column} having count(*) > 1`),
    ).toEqual([]);
  }
}
