import { describe, expect, it } from 'vitest';
import { testDatabase } from '../database.js';
import { failureOf } from './failure.js';
import { job } from './fresh.js';

/** The database, and the verbs of the statements that a call runs. */
async function watched() {
  let verbs: string[] = [];
  const { db } = await testDatabase({
    onQuery: ({ sql }) => verbs.push(sql.slice(0, sql.indexOf(' '))),
  });
  const verbsOf = async (call: () => Promise<unknown>) => {
    verbs = [];
    await call();
    return verbs;
  };
  return { db, verbsOf };
}

// What a refusal costs can't be tested by the clock; how many statements it takes can.
describe('a refusal', () => {
  it('of a known id runs no insert that fails, once a known id was met', async () => {
    const { db, verbsOf } = await watched();
    await db.jobs.create(job('known'));
    const refused = () => failureOf(db.jobs.create(job('known')), 'ALREADY_EXISTS');
    expect(await verbsOf(refused)).toEqual(['insert', 'select']);
    expect(await verbsOf(refused)).toEqual(['select', 'select']);
    expect(await verbsOf(() => db.jobs.create(job('new')))).toEqual(['select', 'insert']);
  });

  it('of a known id looks for nothing again after a run of new ones', async () => {
    const { db, verbsOf } = await watched();
    await db.jobs.create(job('known'));
    await failureOf(db.jobs.create(job('known')), 'ALREADY_EXISTS');
    for (let i = 0; i < 16; i++) await db.jobs.create(job(`new ${i}`));
    expect(await verbsOf(() => db.jobs.create(job('last')))).toEqual(['insert']);
  });

  it('of a payment that stands takes one unit', async () => {
    const { db, verbsOf } = await watched();
    const tip = { amount_msats: 1, source: 'tip', payment_hash: 'h' } as const;
    await db.earnings.record({ ...tip, id: 'first' });
    const other = () => db.earnings.record({ ...tip, id: 'other', amount_msats: 2 });
    expect(await verbsOf(() => failureOf(other(), 'DUPLICATE_PAYMENT'))).toEqual([
      'insert',
      'select',
    ]);
    const again = () => db.earnings.record({ ...tip, id: 'again' });
    expect(await verbsOf(again)).toEqual(['insert', 'select']);
  });

  it('of createIfNew runs one look', async () => {
    const { db, verbsOf } = await watched();
    expect(await verbsOf(() => db.jobs.createIfNew(job('a')))).toEqual(['select', 'insert']);
    expect(await verbsOf(() => db.jobs.createIfNew(job('a')))).toEqual(['select']);
  });
});
