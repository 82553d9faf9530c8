import type { Compilable, Insertable, Kysely } from 'kysely';
import type { DB } from '../../generated/db.js';
import type { PylonDb } from '../../src/index.js';
import type { Random } from './random.js';

// What a program may ask of the database, so chosen that everything goes wrong often.

/** Tables of the test, each rule of which some operation breaks. */
export const TABLES_SQL = `
  create table accounts (
    id integer primary key,
    name text unique,
    balance integer not null check (balance >= 0)
  );
  create table anchors (id integer primary key);
  insert into anchors values (1);
  create table pledges (
    op integer not null,
    anchor integer not null references anchors (id) deferrable initially deferred
  );
  create table entries (
    id integer primary key autoincrement,
    op integer not null,
    part integer not null,
    account integer references accounts (id),
    note text,
    unique (op, part)
  );
  create trigger entries_raise before insert on entries when new.note like 'raise%' begin
    select case new.note
      when 'raise rollback' then raise (rollback, 'rolled back by a trigger')
      when 'raise abort' then raise (abort, 'aborted by a trigger')
      when 'raise ignore' then raise (ignore)
      end;
  end;
  create table marks (op integer not null, part integer not null, primary key (op, part));
  create trigger ticks_raise before insert on tick_history begin
    select case new.tick_number % 11
      when 3 then raise (abort, 'no such tick')
      when 7 then raise (rollback, 'no such tick, and nothing else')
      end;
  end;
  insert into agents (npub, name, lifecycle_state, created_at, updated_at) values
    ('npub0', '', 'active', 1, 1), ('npub1', '', 'active', 1, 1), ('npub2', '', 'active', 1, 1);`;

/** The tables of the test, as the builder knows them. */
export type FuzzTables = {
  accounts: { id: number; name: string | null; balance: number };
  entries: {
    op: number;
    part: number;
    account: number | null;
    note: string | null;
  };
  pledges: { op: number; anchor: number };
};

/** Every table of the database under test. */
export type AllTables = DB & FuzzTables;

export type Value = string | number | null;

/** One statement with its values, `required` as in a service's unit. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly Value[];
  readonly required: boolean;
}

/** Whether a statement gives rows. */
export const returnsRows = (sql: string): boolean => /^select | returning /.test(sql);

/** A query through the builder: shares transactions. */
export type BuilderQuery = (db: Kysely<AllTables>) => Compilable;

export type Inner =
  | { readonly kind: 'unit'; readonly statements: readonly Statement[] }
  | { readonly kind: 'builder'; readonly query: BuilderQuery }
  | { readonly kind: 'raw'; readonly sql: string; readonly values: readonly Value[] };

export interface TransactionOperation {
  readonly kind: 'transaction';
  /** What runs in turn; a `caught` error doesn't end the transaction; `pause` lets others come. */
  readonly inner: readonly {
    readonly op: Inner;
    readonly caught: boolean;
    readonly pause: boolean;
  }[];
  readonly throws: boolean;
}

export interface ServiceOperation {
  readonly kind: 'service';
  readonly call: (db: PylonDb) => Promise<unknown>;
}

/** A read whose answer must be one of the moments between its call and its answer. */
export interface ReadOperation {
  readonly kind: 'read';
}

export type Operation = (Inner | TransactionOperation | ServiceOperation | ReadOperation) & {
  readonly n: number;
};

const ACCOUNTS = 12;
/** A row of `pledges` that only COMMIT refuses. Nothing deletes pledges: in a shared transaction
 * another unit could heal what alone would have failed. */
const pledge = (random: Random) => (random.chance(0.3) ? 999 : 1);
const OPS_OF_ENTRIES = 60;
const NOTES = [null, 'text', 'raise abort', 'raise rollback', 'raise ignore'];

/** The next operation of a random program. */
export function randomOperation(random: Random, n: number): Operation {
  const roll = random.next();
  if (roll < 0.34) return { n, ...unit(random, n) };
  if (roll < 0.54) return { n, kind: 'builder', query: builderQuery(random) };
  if (roll < 0.58) return { n, ...raw(random) };
  if (roll < 0.66) return { n, ...transaction(random, n) };
  if (roll < 0.92) return { n, kind: 'service', call: serviceCall(random) };
  return { n, kind: 'read' };
}

/** Sometimes between two marks, by which a reader tells half a unit from a whole one. */
function unit(random: Random, n: number): Inner {
  const statements = random.list(1 + random.int(4), () => statement(random));
  if (random.chance(0.6)) {
    statements.unshift(mark(n, 1));
    statements.push(mark(n, 2));
  }
  return { kind: 'unit', statements };
}

const mark = (n: number, part: number): Statement => ({
  sql: 'insert into marks (op, part) values (?, ?)',
  values: [n, part],
  required: true,
});

function statement(random: Random): Statement {
  const required = random.chance(0.15);
  const account = 1 + random.int(ACCOUNTS);
  const name = `name ${random.int(8)}`;
  const [sql, ...values] = random.pick<readonly [string, ...Value[]]>([
    ['insert into accounts (id, name, balance) values (?, ?, ?)', account, name, random.int(9)],
    ['insert or replace into accounts (id, name, balance) values (?, ?, 5)', account, name],
    [
      'insert into accounts (id, name, balance) values (?, null, ?)',
      account,
      random.pick([1, null]),
    ],
    ['update accounts set balance = balance + ? where id = ?', random.int(20) - 10, account],
    [
      'update accounts set balance = balance + ? where id = ? returning id, balance',
      random.int(20) - 10,
      account,
    ],
    ['update accounts set name = ? where id = ?', name, account],
    ['update accounts set balance = balance - 1', ...[]],
    ['delete from accounts where id = ?', account],
    ['delete from entries where account = ?', account],
    ['insert into pledges (op, anchor) values (?, ?)', account, pledge(random)],
    ['select id, name, balance from accounts where id = ?', account],
    ...(['insert', 'insert', 'insert or rollback'] as const).map((verb): [string, ...Value[]] => [
      `${verb} into entries (op, part, account, note) values (?, ?, ?, ?)`,
      ...Object.values(entry(random)),
    ]),
  ]);
  return { sql, values, required };
}

function entry(random: Random): Insertable<FuzzTables['entries']> {
  return {
    op: random.int(OPS_OF_ENTRIES),
    part: random.int(3),
    account: random.pick([null, 1 + random.int(ACCOUNTS + 2)]),
    note: random.chance(0.7) ? null : random.pick(NOTES),
  };
}

function builderQuery(random: Random): BuilderQuery {
  const account = 1 + random.int(ACCOUNTS);
  const name = `name ${random.int(8)}`;
  const entries = random.list(1 + random.int(3), () => entry(random));
  const change = random.int(20) - 10;
  const op = random.int(OPS_OF_ENTRIES);
  const anchor = pledge(random);
  return random.pick<BuilderQuery>([
    (db) => db.insertInto('entries').values(entries),
    (db) => db.insertInto('entries').values(entries).returning(['op', 'part']),
    (db) => db.insertInto('entries').orIgnore().values(entries),
    (db) => db.insertInto('entries').orReplace().values(entries),
    (db) => db.insertInto('entries').orRollback().values(entries),
    (db) => db.insertInto('accounts').values({ id: account, name, balance: change }),
    (db) =>
      db
        .insertInto('accounts')
        .values({ id: account, name, balance: 3 })
        .onConflict((c) => c.column('id').doUpdateSet({ balance: change })),
    (db) => db.updateTable('accounts').set({ name }).where('id', '>', account),
    (db) =>
      db
        .updateTable('accounts')
        .set((eb) => ({ balance: eb('balance', '+', change) }))
        .where('id', '<=', account)
        .returning(['id', 'balance']),
    (db) => db.insertInto('pledges').values({ op, anchor }),
    (db) =>
      db
        .insertInto('tick_history')
        .values({ agent_npub: `npub${op % 6}`, tick_number: op, created_at: op }),
    (db) => db.deleteFrom('accounts').where('id', '=', account),
    (db) => db.deleteFrom('entries').where('op', '=', op),
  ]);
}

/** Raw SQL runs by itself, so it shows whether the others leave a clean connection. */
function raw(random: Random): Inner {
  const [sql, ...values] = random.pick<readonly [string, ...Value[]]>([
    ['insert into entries (op, part) values (?, ?)', random.int(OPS_OF_ENTRIES), random.int(3)],
    ['update accounts set balance = balance + 1 where id = ?', random.int(ACCOUNTS)],
    ['insert or rollback into accounts (id, balance) values (?, 1)', 1 + random.int(ACCOUNTS)],
    ['insert into pledges (op, anchor) values (1, ?)', pledge(random)],
    ['create table if not exists extra (id integer primary key)'],
    ['drop table if exists extra'],
    ['insert into extra default values'],
    ['select nonsense from accounts'],
  ]);
  return { kind: 'raw', sql, values };
}

function transaction(random: Random, n: number): TransactionOperation {
  const inner = random.list(1 + random.int(5), () => ({
    op: random.pick([
      () => unit(random, n),
      (): Inner => ({ kind: 'builder', query: builderQuery(random) }),
      () => raw(random),
    ])(),
    caught: random.chance(0.6),
    pause: random.chance(0.3),
  }));
  return { kind: 'transaction', inner, throws: random.chance(0.2) };
}

// An agent that a tick or a change didn't find is looked for again, when it may be there or gone. So
// those that tick stay, the one that nobody knows never comes, and others come and go.
const TICKING = ['npub0', 'npub1', 'npub2', 'npub0', 'npub1', 'npub2', 'nobody'];
const COMING = ['npub3', 'npub4', 'npub5'];

function serviceCall(random: Random): ServiceOperation['call'] {
  const ticking = random.pick(TICKING);
  const coming = random.pick(COMING);
  const npub = random.pick([random.pick(TICKING.slice(0, -1)), coming]);
  const id = `job${random.int(40)}`;
  const tick_number = random.int(44);
  const job_id = random.pick([null, id]);
  const earning = {
    id: `earn${random.int(60)}`,
    job_id,
    amount_msats: random.int(3),
    source: random.pick(['job', 'tip', 'other'] as const),
    // A payment that gets its job later looks for that job later, too: none does here.
    payment_hash: random.chance(0.5)
      ? null
      : `${job_id === null ? 'tip' : 'hash'}${random.int(20)}`,
  };
  const status = random.pick(['pending', 'processing', 'completed', 'failed'] as const);
  const state = random.pick(['active', 'dormant'] as const);
  return random.pick<ServiceOperation['call']>([
    (db) => db.agents.recordTick(ticking, { tick_number }),
    (db) => db.agents.recordTick(ticking, { tick_number }),
    (db) => db.agents.recordTick(ticking, { tick_number, cost_sats: 5 }),
    (db) => db.agents.upsert({ npub, name: id, lifecycle_state: state, balance_sats: tick_number }),
    (db) => db.agents.updateBalance(ticking, tick_number),
    (db) => db.agents.delete(coming),
    (db) => db.jobs.create({ id, kind: tick_number, customer_pubkey: npub, status }),
    (db) => db.jobs.create({ id, kind: -1, customer_pubkey: npub }),
    (db) => db.jobs.claimNext(),
    (db) => db.jobs.claimNext({ kinds: [tick_number, tick_number + 1] }),
    (db) => db.jobs.requeueStale({ startedBefore: 1000 + tick_number * 2 }),
    (db) => db.earnings.record(earning),
    (db) => db.earnings.record(earning),
  ]);
}
