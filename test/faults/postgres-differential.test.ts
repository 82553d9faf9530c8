import type pg from 'pg';
import { expect, it } from 'vitest';
import { isStepWithoutRows, type WriteHandle } from '../../src/engine/engine.js';
import { connectTo } from '../../src/engine/postgres/open.js';
import { PostgresEngine } from '../../src/engine/postgres/postgres-engine.js';
import { TriggerWatch } from '../../src/engine/postgres/trigger-watch.js';
import { type Bound, ParamSlot } from '../../src/engine/prepared.js';
import { isPylonDbError, PylonDb, PylonDbError } from '../../src/index.js';
import { connected, describeOnServer, type OwnServer } from '../postgres/own-server.js';
import { asOutcome, type Outcome, Thrown } from './outcome.js';
import {
  isAboutAccount,
  type Operation,
  randomOperation,
  returnsRows,
  type Statement,
  TABLES_SQL,
} from './postgres-operations.js';
import { fuzzSeed, Random } from './random.js';
import { reported } from './table.js';

// Random operations, many at a time through the queue, and the same one by one in a second schema in
// the plainest way: every promise must end the same, and the rows must be the same.

const SEED = fuzzSeed();
const OPERATIONS = Number(process.env['PYLON_FUZZ_OPS'] ?? 3000);

/** Operations between two comparisons of all rows. */
const OPERATIONS_A_LOOK = 1000;

let clockNow = 0;
const clock = () => clockNow;
const timeOf = ({ n }: Operation): number => 1000 + Math.floor(n / 20);

interface Side {
  readonly db: PylonDb;
  readonly engine: PostgresEngine;
  /** Another connection to the same schema. */
  readonly outside: pg.Client;
}

async function side(own: OwnServer): Promise<Side> {
  const url = await own.freshSchema();
  await (await PylonDb.open(url)).close();
  const outside = await connected(url);
  await outside.query(TABLES_SQL);
  const props = { readonly: false, busyTimeoutMs: 20_000 };
  const pool = await connectTo({ ...props, url, onQuery: undefined, operation: 'test' });
  const engine = new PostgresEngine({
    ...props,
    pool,
    address: 'test',
    triggers: new TriggerWatch(),
    assertPublished: async () => {},
  });
  return { db: PylonDb.over('test', engine, clock), engine, outside };
}

describeOnServer('on a server', (own) => {
  it(`ends ${OPERATIONS} operations as if each had run alone (seed ${SEED})`, async () => {
    const [queued, alone] = [await side(own), await side(own)];
    const random = new Random(SEED);
    let running: { operation: Operation; outcome: Promise<Outcome> }[] = [];
    let transactions: Promise<unknown> = Promise.resolve();
    let half = 0;
    let nextLook = OPERATIONS_A_LOOK;
    for (let n = 0; n < OPERATIONS; ) {
      const burst = random.chance(0.3) ? 1 : 1 + random.int(60);
      for (let i = 0; i < burst; i++, n++) {
        const operation = randomOperation(random, n);
        clockNow = timeOf(operation);
        // Transactions have connections of their own: among themselves they take turns here.
        const before = operation.kind === 'transaction' ? transactions : undefined;
        const outcome = asOutcome(perform(operation, queued, before), inWords);
        if (operation.kind === 'transaction') transactions = outcome;
        running.push({ operation, outcome });
      }
      half += await halfUnits(queued.outside);
      if (!random.chance(0.6) && n < OPERATIONS) continue;
      const outcomes = await Promise.all(running.map(({ outcome }) => outcome));
      for (const [i, { operation }] of running.entries()) {
        clockNow = timeOf(operation);
        const expected = await asOutcome(performAlone(operation, alone), inWords);
        expect(outcomes[i], `operation ${operation.n} of seed ${SEED}`).toEqual(expected);
      }
      running = [];
      if (n < nextLook && n < OPERATIONS) continue;
      nextLook += OPERATIONS_A_LOOK;
      expect(await rowsOf(queued.outside), `rows at ${n} of seed ${SEED}`).toEqual(
        await rowsOf(alone.outside),
      );
    }
    expect(half).toBe(0);
    await Promise.all([queued.db.close(), alone.db.close()]);
    reported('PostgreSQL: units that fail in a batch', {
      tried: `${OPERATIONS.toLocaleString('en')} random operations, through the queue and one by one`,
      figure: 'the same rows, and the same end of each promise',
    });
  });
});

async function perform(
  operation: Operation,
  { db, engine }: Side,
  before?: Promise<unknown>,
): Promise<unknown> {
  switch (operation.kind) {
    case 'call':
      return await operation.call(db);
    case 'unit':
      return await unit(engine, operation.statements);
    case 'transaction': {
      await before;
      return await db.transaction(async (tx) => {
        await tx.agents.upsert({ npub: 'shared', name: '', lifecycle_state: 'active' });
        const balances: number[] = [];
        for (const add of operation.adds) {
          balances.push((await tx.agents.adjustBalance('shared', add)).balance_sats);
        }
        if (operation.throws) throw new Thrown();
        return balances;
      });
    }
  }
}

async function unit(handle: WriteHandle, statements: readonly Statement[]): Promise<unknown> {
  const steps = statements.map((one) => ({ query: bound(one), required: one.required }));
  const results = await handle.write('test', steps);
  return results.map(({ rows, affectedRows }) => ({ rows, affectedRows }));
}

/** Gives a row as it is, unless it is account 5's, which another program spoilt. */
function decode(row: readonly unknown[]): readonly unknown[] {
  if (Number(row[0]) !== 5) return row.map(Number);
  const details = { table: 'accounts', column: 'balance', key: '5' };
  throw new PylonDbError('CORRUPT_ROW', 'spoilt', details, { operation: 'test', hint: '' });
}

const prepared = new Map<string, Bound<unknown>['prepared']>();

function bound({ sql, values }: Statement): Bound<unknown> {
  let query = prepared.get(sql);
  if (query === undefined) {
    const slots = values.map((_, i) => new ParamSlot(`p${i}`));
    query = {
      name: sql,
      compile: () => ({ sql, slots }),
      returnsRows: returnsRows(sql),
      mayGiveCorruptRow: returnsRows(sql),
      locks: isAboutAccount(sql) ? { agent: 'p0' } : undefined,
      decode,
    };
    prepared.set(sql, query);
  }
  return {
    prepared: query,
    values: Object.fromEntries(values.map((value, i) => [`p${i}`, String(value)])),
  };
}

/** A unit as plain SQL; services' calls and transactions through a PylonDb that nobody else uses. */
async function performAlone(operation: Operation, side: Side): Promise<unknown> {
  if (operation.kind !== 'unit') return await perform(operation, side);
  const { outside } = side;
  await outside.query('begin');
  try {
    const answers: { rows: unknown[][]; affectedRows: number; required: boolean }[] = [];
    for (const { sql, values, required } of operation.statements) {
      try {
        const { rows, rowCount } = await outside.query<unknown[]>({
          ...{ text: sql, values: [...values], rowMode: 'array' },
        });
        answers.push({ rows, affectedRows: rowCount ?? 0, required });
      } catch (error) {
        if (answers.some((one) => one.required && one.affectedRows === 0))
          throw new NothingTouched();
        throw error;
      }
    }
    // Answers are looked at when all statements have run.
    const results = answers.map(({ rows, affectedRows, required }) => {
      if (required && affectedRows === 0) throw new NothingTouched();
      return { rows: rows.map(decode), affectedRows };
    });
    await outside.query('commit');
    return results;
  } catch (error) {
    await outside.query('rollback');
    throw error;
  }
}

class NothingTouched extends Error {}

const CONSTRAINTS: Readonly<Record<string, string>> = {
  '23503': 'foreign_key',
  '23505': 'primary_key',
  '23514': 'check',
};

/** The error in words that both sides find. */
function inWords(error: unknown): string {
  if (error instanceof Thrown) return 'thrown by the callback';
  if (error instanceof NothingTouched || isStepWithoutRows(error)) return 'nothing touched';
  if (isPylonDbError(error, 'INVALID_ARGUMENT') && error.operation === 'test') {
    return `constraint ${error.constraint}`;
  }
  if (isPylonDbError(error)) return `${error.code}: ${error.message}`;
  const code = String(Reflect.get(Object(error), 'code'));
  return `constraint ${CONSTRAINTS[code] ?? `${code}: ${error}`}`;
}

async function halfUnits(outside: pg.Client): Promise<number> {
  const { rows } = await outside.query<{ half: number }>(
    'select count(*)::int as half from (select 1 from marks group by op having count(*) <> 2) as m',
  );
  return rows[0]?.half ?? 0;
}

async function rowsOf(outside: pg.Client): Promise<unknown> {
  const tables: Record<string, unknown> = {};
  for (const table of ['accounts', 'pledges', 'marks', 'jobs', 'earnings']) {
    tables[table] = (await outside.query(`select t::text from ${table} t order by 1`)).rows;
  }
  // A transaction's time is that of its last try.
  const agents = `select case npub when 'shared' then npub || balance_sats else t::text end as t
    from agents t order by 1`;
  tables['agents'] = (await outside.query(agents)).rows;
  const ticks = 'select agent_npub, tick_number, created_at from tick_history order by 1, 2, 3';
  tables['tick_history'] = (await outside.query(ticks)).rows;
  return tables;
}
