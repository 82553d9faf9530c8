import { writeSync } from 'node:fs';
import { sql } from 'kysely';
import { isPylonDbError, type Migration, PylonDb } from '../../src/index.js';
import { FailingCalls, type Fault } from './failing-calls.js';

// Commits in one way while calls of the system fail, prints how each write ended, and is killed.

/** By the id of each job, the promise of the call that stores it. */
type Writes = Readonly<Record<string, Promise<unknown>>>;

const job = (id: string) => ({ id, kind: 5100, customer_pubkey: 'x' });
const row = (id: string) => ({ ...job(id), status: 'pending', started_at: 1 }) as const;

const insertsJob: Migration = {
  async up({ context }) {
    await sql`insert into jobs (id, kind, customer_pubkey, status, started_at) values ('a', 1, '', 'pending', 1)`.execute(
      context,
    );
  },
};

const WAYS: Readonly<Record<string, (db: PylonDb) => Writes>> = {
  'a lone statement': (db) => ({ a: db.jobs.create(job('a')) }),
  'several units in one turn': (db) => ({
    a: db.jobs.create(job('a')),
    b: db.jobs.create(job('b')),
    c: db.jobs.create(job('c')),
  }),
  'a unit of several statements': (db) => ({
    paid: db.jobs.completeWithPayment('paid', { price_msats: 1 }),
  }),
  'an interactive transaction': (db) => ({
    a: db.transaction(async (tx) => void (await tx.jobs.create(job('a')))),
  }),
  'an ad-hoc write': (db) => ({ a: db.kysely.insertInto('jobs').values(row('a')).execute() }),
  'an ad-hoc write that returns rows': (db) => ({
    a: db.kysely.insertInto('jobs').values(row('a')).returning('id').execute(),
  }),
  'a migration': (db) => ({
    a: PylonDb.open(db.path, { durability: 'full', migrations: { later: async () => insertsJob } }),
  }),
  // The index of so many pages needs another piece of the -shm.
  'a unit larger than the index': (db) => ({
    a: db.jobs.create({ ...job('a'), customer_pubkey: 'x'.repeat(17_000_000) }),
  }),
};

const [path = '', control = '', way = '', fault = ''] = process.argv.slice(2);
const faults: Fault = JSON.parse(fault);
const calls = new FailingCalls(control);
const db = await PylonDb.open(path, { durability: 'full' });
await db.jobs.create(job('paid'));
const writes = WAYS[way];
if (writes === undefined) throw new Error(`No way to commit is called ${way}`);
calls.begin(faults);
const ends: Record<string, string> = {};
for (const [id, write] of Object.entries(writes(db))) {
  ends[id] = await write.then(
    () => 'stored',
    (error: unknown) => (isPylonDbError(error) ? error.code : String(error)),
  );
}
const failed = calls.end();
const { length } = await db.jobs.list();
writeSync(1, `${JSON.stringify({ failed, ends, length })}\n`);
process.kill(process.pid, 'SIGKILL');
