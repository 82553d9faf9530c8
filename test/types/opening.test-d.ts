import { describe, expectTypeOf, it } from 'vitest';
import {
  type AgentsService,
  type EarningsService,
  type JobsService,
  type OpenOptions,
  PylonDb,
  type PylonDbTransaction,
  type QueryEvent,
} from '../../src/index.js';

declare const db: PylonDb;

describe('PylonDb', () => {
  it('opens to itself', () => {
    expectTypeOf(PylonDb.open).returns.resolves.toEqualTypeOf<PylonDb>();
    expectTypeOf(PylonDb.openInMemory).returns.resolves.toEqualTypeOf<PylonDb>();
    expectTypeOf<PylonDb>().toExtend<AsyncDisposable>();
    expectTypeOf(db.close).returns.resolves.toEqualTypeOf<void>();
  });

  it('has three services, and a transaction has the same', () => {
    for (const at of [db, {} as PylonDbTransaction]) {
      expectTypeOf(at.jobs).toEqualTypeOf<JobsService>();
      expectTypeOf(at.earnings).toEqualTypeOf<EarningsService>();
      expectTypeOf(at.agents).toEqualTypeOf<AgentsService>();
    }
  });

  it('takes known options only', () => {
    expectTypeOf<OpenOptions['durability']>().toEqualTypeOf<'normal' | 'full' | undefined>();
    expectTypeOf<OpenOptions['clock']>().toEqualTypeOf<(() => number) | undefined>();
    PylonDb.open('pylon.db', {
      onQuery: (event) => expectTypeOf(event).toEqualTypeOf<QueryEvent>(),
    });
    // @ts-expect-error
    PylonDb.open('pylon.db', { readOnly: true });
    // @ts-expect-error
    PylonDb.open('pylon.db', { durability: 'some' });
    // @ts-expect-error
    PylonDb.open('pylon.db', { clock: () => new Date() });
    // @ts-expect-error
    PylonDb.open('pylon.db', { busyTimeoutMs: '5s' });
    // @ts-expect-error: only PylonDb.open makes one
    new PylonDb();
  });

  it('refuses a callback that is not a promise, and unknown transaction options', () => {
    // @ts-expect-error
    db.transaction((tx) => tx.kysely);
    // @ts-expect-error
    db.transaction(async () => 1, { timeout: 5 });
  });
});
