import { AsyncResource } from 'node:async_hooks';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { testDatabase } from '../database.js';
import { failureOf } from './failure.js';
import { job } from './fresh.js';

/** A promise, and what resolves it. */
function signal() {
  let give: () => void = () => {};
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give };
}

/** As p-limit is with 1: a task that ends starts the next, in its own async context. */
function limiter() {
  const waiting: (() => Promise<void>)[] = [];
  let runs = false;
  const next = () => {
    const task = runs ? undefined : waiting.shift();
    if (task === undefined) return;
    runs = true;
    void task().finally(() => {
      runs = false;
      next();
    });
  };
  return <Result>(task: () => Promise<Result>) =>
    new Promise<Result>((resolve, reject) => {
      waiting.push(() => task().then(resolve, reject));
      next();
    });
}

describe('a limiter that a transaction shares with others', () => {
  it('starts their calls inside it: the hint says how to bind them', async () => {
    const { db, stored } = await testDatabase();
    const limit = limiter();
    const [open, free, end] = [signal(), signal(), signal()];
    const transaction = db.transaction(async () => {
      const own = limit(() => free.given);
      open.give();
      await own;
      await end.given;
    });
    await open.given;
    const unbound = limit(() => db.jobs.create(job('unbound')));
    const bound = limit(AsyncResource.bind(() => db.jobs.create(job('bound'))));
    free.give();
    const { hint } = await failureOf(unbound, 'OUTER_HANDLE_IN_TRANSACTION');
    expect(hint).toMatch(/limiter.*AsyncResource\.bind/);
    end.give();
    await Promise.all([transaction, bound]);
    expect(await stored('select id from jobs')).toEqual([{ id: 'bound' }]);
  });
});

describe('a transaction that awaits a call queued outside', () => {
  it('is named by one warning that says where it was opened', async () => {
    const { db, stored } = await testDatabase();
    const open = signal();
    const warned = once(process, 'warning');
    const outside = open.given.then(() => db.jobs.create(job('outside')));
    const transaction = db.transaction(async (tx) => {
      await tx.jobs.create(job('inside'));
      open.give();
      await Promise.race([outside, warned]);
      throw new Error('given up');
    });
    await expect(transaction).rejects.toThrow('given up');
    const [warning] = await warned;
    expect(String(warning)).toMatch(
      /PylonDbWarning: the transaction opened at .*shared-limiter\.sqlite\.test\.ts:\d+:\d+ made no call/,
    );
    await outside;
    expect(await stored('select id from jobs')).toEqual([{ id: 'outside' }]);
  });
});
