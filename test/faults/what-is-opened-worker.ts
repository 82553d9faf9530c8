import { writeSync } from 'node:fs';
import { sql } from 'kysely';
import { isPylonDbError, type OpenOptions, PylonDb } from '../../src/index.js';

// Opens one file after another, reads and writes all it can, and prints for each, in one line of
// JSON, how that ended. Whoever started it notices a crash, and a hang by its own clock.

/** How one file was opened and used. */
export interface Opened {
  readonly path: string;
  /** What `PylonDb.open` threw, `undefined` when it opened. */
  readonly refused: Failed | undefined;
  /** What calls on the open database threw. */
  readonly failed: readonly Failed[];
}

/** An error as it is reported; `code` is `undefined` for one that no code foresees. */
export interface Failed {
  readonly call: string;
  readonly code: string | undefined;
  readonly message: string;
  readonly hint: string;
}

type Call = (db: PylonDb) => Promise<unknown>;

const READS: Readonly<Record<string, Call>> = {
  'jobs.list': (db) => db.jobs.list({ limit: 1000 }),
  'jobs.get': (db) => db.jobs.get('job 7'),
  'jobs.countByStatus': (db) => db.jobs.countByStatus(),
  'jobs.listByStatus': (db) => db.jobs.listByStatus('pending'),
  'earnings.summary': (db) => db.earnings.summary(),
  'earnings.recent': (db) => db.earnings.recent(1000),
  'earnings.byPaymentHash': (db) => db.earnings.byPaymentHash('hash 7'),
  'earnings.rollup': (db) => db.earnings.rollup({ by: 'month', start: 0, end: 2 ** 31 }),
  'agents.listAll': (db) => db.agents.listAll(),
  'agents.tickHistory': (db) => db.agents.tickHistory('agent', { limit: 1000 }),
  integrity_check: (db) => sql`select * from pragma_integrity_check`.execute(db.kysely),
};
const WRITES: Readonly<Record<string, Call>> = {
  'jobs.create': (db) => db.jobs.create({ id: 'new', kind: 1, customer_pubkey: 'c' }),
  'jobs.claimNext': (db) => db.jobs.claimNext(),
  'earnings.recordForJob': (db) => db.earnings.recordForJob('job 8', 5, { payment_hash: 'new' }),
  'agents.recordTick': (db) => db.agents.recordTick('agent', { tick_number: 99 }),
};

const [options = '{}', ...paths] = process.argv.slice(2);
for (const path of paths) {
  const opened = await openAndUse(path, JSON.parse(options));
  writeSync(1, `${JSON.stringify(opened)}\n`);
}

async function openAndUse(path: string, given: OpenOptions): Promise<Opened> {
  let db: PylonDb;
  try {
    db = await PylonDb.open(path, given);
  } catch (error) {
    return { path, refused: asFailed('PylonDb.open', error), failed: [] };
  }
  const failed: Failed[] = [];
  const calls = given.readonly === true ? READS : { ...READS, ...WRITES };
  const close: Call = () => db.close();
  for (const [call, run] of Object.entries({ ...calls, close })) {
    try {
      await run(db);
    } catch (error) {
      failed.push(asFailed(call, error));
    }
  }
  return { path, refused: undefined, failed };
}

function asFailed(call: string, error: unknown): Failed {
  if (!isPylonDbError(error)) return { call, code: undefined, message: String(error), hint: '' };
  const { code, message, hint } = error;
  return { call, code, message, hint };
}
