import Database from 'better-sqlite3';
import { expect, it, onTestFinished } from 'vitest';
import { isPylonDbError, type OpenOptions, PylonDb } from '../../src/index.js';
import { rejection } from './failure.js';
import { agent, openFresh } from './fresh.js';

/** How a call fails on a file: what stands before it, and its caller, whom the stack must name. */
interface Case {
  readonly code: string;
  readonly prepare?: (path: string) => void;
  readonly options?: OpenOptions;
  readonly call: (db: PylonDb) => Promise<unknown>;
}

function holdTheLock(path: string): void {
  const holder = new Database(path);
  holder.exec('begin immediate');
  onTestFinished(() => {
    holder.close();
  });
}

const cases: Readonly<Record<string, Case>> = {
  'a foreign lock': {
    code: 'BUSY',
    prepare: holdTheLock,
    options: { busyTimeoutMs: 20 },
    call: async (db) => await db.agents.upsert(agent('n')),
  },
  'a foreign lock before a transaction': {
    code: 'BUSY',
    prepare: holdTheLock,
    options: { busyTimeoutMs: 20 },
    call: async (db) => await db.transaction(async () => {}),
  },
};

it.each(Object.entries(cases))('the stack of %s names the caller', async (_, one) => {
  const { path } = await openFresh();
  const db = await PylonDb.open(path, one.options ?? {});
  onTestFinished(() => db.close());
  one.prepare?.(path);
  async function theCaller(): Promise<void> {
    await one.call(db);
  }
  const error = await rejection(theCaller());
  expect(error).toMatchObject({ code: one.code, name: 'PylonDbError' });
  const stack = isPylonDbError(error) ? error.stack : undefined;
  expect(stack).toContain('stack-traces.sqlite.test.ts');
  expect(stack).toContain('theCaller');
});

it('the stack of a file that cannot be opened names the caller', async () => {
  const { path } = await openFresh();
  async function theOpener(): Promise<void> {
    await PylonDb.open(`${path}/not/there.db`);
  }
  const error = await rejection(theOpener());
  expect(error).toMatchObject({ code: 'CANNOT_OPEN' });
  expect(isPylonDbError(error) && error.stack).toContain('theOpener');
});
