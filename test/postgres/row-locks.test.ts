import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isPylonDbError, PylonDb } from '../../src/index.js';
import { describeOnServer } from './own-server.js';

/** Rounds of two that race: without the locks, some of so many fail. */
const ROUNDS = 150;

/** Rounds of moves, which take longer. */
const MOVES = 30;

describeOnServer('two programs on one server', (own) => {
  let one: PylonDb;
  let other: PylonDb;

  beforeAll(async () => {
    const url = own.server.url();
    one = await PylonDb.open(url);
    other = await PylonDb.open(url);
  });
  afterAll(async () => {
    await one.close();
    await other.close();
  });

  it('delete an agent and record its ticks at once, and each call ends as if it had run alone', async () => {
    const agent = { npub: 'npub1', name: 'A', lifecycle_state: 'active' } as const;
    const unexpected: unknown[] = [];
    const unlessUnknown = (error: unknown) => {
      if (!isPylonDbError(error, 'NOT_FOUND')) unexpected.push(error);
    };
    for (let round = 0; round < ROUNDS; round++) {
      await one.agents.upsert(agent);
      await Promise.all([
        other.agents.recordTick('npub1', { tick_number: 1 }).catch(unlessUnknown),
        one.agents.delete('npub1').catch(unlessUnknown),
        other.agents.recordTick('npub1', { tick_number: 2 }).catch(unlessUnknown),
      ]);
    }
    expect(unexpected).toEqual([]);
    const ticks = await one.kysely.selectFrom('tick_history').select('id').execute();
    expect(ticks).toEqual([]);
  });

  it('move a job to and fro at once, and no move is called illegal that was not', async () => {
    await one.jobs.create({ id: 'job', kind: 1, customer_pubkey: 'c', status: 'failed' });
    // Time for the other between a refused move and the look at why.
    await sql`create function nap() returns trigger language plpgsql
      as 'begin perform pg_sleep(0.005); return null; end'`.execute(one.kysely);
    await sql`create trigger nap after update on jobs for each statement execute function nap()`.execute(
      one.kysely,
    );
    const unexpected: unknown[] = [];
    const isTrue = (error: unknown) => {
      // What it says of the job must be a reason to refuse.
      if (isPylonDbError(error, 'ILLEGAL_TRANSITION') && error.from === 'failed') return;
      unexpected.push(error);
    };
    for (let round = 0; round < MOVES; round++) {
      await Promise.all([
        one.jobs.updateStatus('job', 'processing').catch(isTrue),
        other.jobs.updateStatus('job', 'pending').catch(isTrue),
        one.jobs.updateStatus('job', 'failed').catch(isTrue),
      ]);
    }
    expect(unexpected).toEqual([]);
  });
});
