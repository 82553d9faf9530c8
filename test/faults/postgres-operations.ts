import type { PylonDb } from '../../src/index.js';
import type { Random } from './random.js';

// What programs may ask of a server at once, so chosen that much goes wrong. Calls about different
// accounts, agents or jobs may overtake each other; so none decides about another's outcome.

/** Tables of the test, each rule of which some unit breaks. */
export const TABLES_SQL = `
  create table accounts (id bigint primary key, balance bigint not null check (balance >= 0));
  create table anchors (id bigint primary key);
  insert into anchors values (1);
  create table pledges (
    op bigint not null,
    anchor bigint not null references anchors (id) deferrable initially deferred
  );
  create table marks (op bigint not null, part bigint not null, primary key (op, part));
  insert into agents (npub, name, lifecycle_state, created_at, updated_at) values
    ('npub0', '', 'active', 1, 1), ('npub1', '', 'active', 1, 1), ('npub2', '', 'active', 1, 1);`;

/** One statement of a unit; its first value is the account that it is about, if it is about one. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly number[];
  readonly required: boolean;
}

/** Whether a statement gives rows. */
export const returnsRows = (sql: string): boolean => /^select | returning /.test(sql);

/** Whether a statement is about the account of its first value. */
export const isAboutAccount = (sql: string): boolean => sql.includes(' accounts ');

export type Operation =
  | { readonly kind: 'unit'; readonly n: number; readonly statements: readonly Statement[] }
  | {
      readonly kind: 'call';
      readonly n: number;
      readonly call: (db: PylonDb) => Promise<unknown>;
    }
  | {
      readonly kind: 'transaction';
      readonly n: number;
      readonly adds: readonly number[];
      readonly throws: boolean;
    };

/** The next operation of a random program. */
export function randomOperation(random: Random, n: number): Operation {
  const roll = random.next();
  if (roll < 0.5) return { kind: 'unit', n, statements: unit(random, n) };
  if (roll < 0.95) return { kind: 'call', n, call: serviceCall(random) };
  const adds = random.list(1 + random.int(3), () => random.int(9) - 2);
  return { kind: 'transaction', n, adds, throws: random.chance(0.2) };
}

/** Statements about one account, sometimes between two marks that tell half a unit from a whole. */
function unit(random: Random, n: number): Statement[] {
  const account = 1 + random.int(10);
  const statements = random.list(1 + random.int(3), () => statement(random, account, n));
  const mark = (part: number) => ({
    sql: 'insert into marks (op, part) values ($1, $2)',
    values: [n, part],
    required: true,
  });
  return random.chance(0.6) ? [mark(1), ...statements, mark(2)] : statements;
}

function statement(random: Random, account: number, n: number): Statement {
  const [sql, ...values] = random.pick<readonly [string, ...number[]]>([
    ['insert into accounts (id, balance) values ($1, $2)', account, random.int(9)],
    ['update accounts set balance = balance + $2 where id = $1', account, random.int(20) - 9],
    [
      'update accounts set balance = balance + $2 where id = $1 returning id, balance',
      account,
      random.int(20) - 9,
    ],
    ['delete from accounts where id = $1', account],
    ['select id, balance from accounts where id = $1', account],
    // Only COMMIT refuses it.
    ['insert into pledges (op, anchor) values ($1, $2)', n, random.chance(0.3) ? 999 : 1],
  ]);
  return { sql, values, required: random.chance(0.15) };
}

// A tick of an unknown agent looks a second time: those that tick stay, and nobody never comes.
const TICKING = ['npub0', 'npub1', 'npub2', 'nobody'];
const COMING = ['npub3', 'npub4', 'npub5'];

function serviceCall(random: Random): (db: PylonDb) => Promise<unknown> {
  const ticking = random.pick(TICKING);
  const coming = random.pick(COMING);
  const npub = random.pick([...TICKING.slice(0, 3), coming]);
  const id = `job${random.int(30)}`;
  const number = random.int(40);
  const earning = {
    id: `${id} ${random.int(3)}`,
    job_id: id,
    amount_msats: random.int(3),
    source: random.pick(['job', 'other'] as const),
    payment_hash: random.chance(0.4) ? null : `${id} hash ${random.int(2)}`,
  };
  const tip = {
    id: `tip ${random.int(20)}`,
    amount_msats: random.int(3),
    source: 'tip',
    payment_hash: random.chance(0.4) ? null : `tip ${random.int(9)}`,
  } as const;
  const tick = async (db: PylonDb) => {
    // The server's numbers have gaps where a batch was undone.
    const { id: _, ...stored } = await db.agents.recordTick(ticking, { tick_number: number });
    return stored;
  };
  return random.pick<(db: PylonDb) => Promise<unknown>>([
    tick,
    tick,
    (db) => db.agents.upsert({ npub, name: id, lifecycle_state: 'active', balance_sats: number }),
    (db) => db.agents.updateBalance(ticking, number),
    (db) => db.agents.adjustBalance(ticking, number),
    (db) => db.agents.delete(coming),
    (db) => db.jobs.create({ id, kind: number, customer_pubkey: 'c' }),
    (db) => db.jobs.create({ id, kind: -1, customer_pubkey: 'c' }),
    (db) => db.earnings.record(earning),
    (db) => db.earnings.record(earning),
    (db) => db.earnings.record(tip),
  ]);
}
