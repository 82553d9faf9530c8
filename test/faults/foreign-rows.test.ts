import { describe, expect, it } from 'vitest';
import { type ErrorCode, isPylonDbError, type PylonDb } from '../../src/index.js';
import { NOON, type TestFile, testFile, writeByAnother } from '../file.js';
import { reported } from './table.js';

/** What SQLite keeps in a column of any declared type, and what reading it must throw. */
const IN_INTEGERS: readonly (readonly [sql: string, code: ErrorCode])[] = [
  ['1.5', 'CORRUPT_ROW'],
  ['9e999', 'CORRUPT_ROW'],
  ["'12abc'", 'CORRUPT_ROW'],
  ["x'37'", 'CORRUPT_ROW'],
  ['9007199254740992', 'OUT_OF_RANGE'],
  ['-9007199254740992', 'OUT_OF_RANGE'],
  ['9223372036854775807', 'OUT_OF_RANGE'],
  ['1e300', 'OUT_OF_RANGE'],
];
const IN_TEXTS = [["x'61'", 'CORRUPT_ROW']] as const;
const IN_WORDS = [...IN_TEXTS, ["'unheard of'", 'CORRUPT_ROW'], ["''", 'CORRUPT_ROW']] as const;
const IN_KEYS = [...IN_TEXTS, ['null', 'CORRUPT_ROW']] as const;

/** The columns of one table, by what they hold, and the calls that read its rows. */
interface Table {
  readonly name: string;
  readonly key: string;
  readonly integers: readonly string[];
  readonly texts: readonly string[];
  readonly words: readonly string[];
  /** Reads the row `bad` alone; `undefined` where no call names one row. */
  readonly one: ((db: PylonDb) => Promise<unknown>) | undefined;
  /** Lists with the row `bad` among them. */
  readonly lists: readonly ((db: PylonDb) => Promise<unknown>)[];
  /** Reads the row `good`, and whatever doesn't touch the bad one. */
  readonly others: readonly ((db: PylonDb) => Promise<unknown>)[];
}

const TABLES: readonly Table[] = [
  {
    name: 'jobs',
    key: 'id',
    integers: ['kind', 'price_msats', 'started_at', 'completed_at', 'created_at'],
    texts: ['customer_pubkey', 'input_hash', 'output_hash', 'error_message'],
    words: ['status'],
    one: (db) => db.jobs.get('bad'),
    lists: [(db) => db.jobs.list()],
    others: [
      (db) => db.jobs.get('good'),
      (db) => db.jobs.listByStatus('completed'),
      (db) => db.earnings.summary(),
      (db) => db.agents.listAll(),
    ],
  },
  {
    name: 'earnings',
    key: 'id',
    integers: ['amount_msats', 'earned_at'],
    texts: ['job_id', 'payment_hash', 'preimage'],
    words: ['source'],
    one: (db) => db.earnings.get('bad'),
    lists: [(db) => db.earnings.recent()],
    others: [
      (db) => db.earnings.get('good'),
      (db) => db.earnings.byPaymentHash('good'),
      (db) => db.jobs.countByStatus(),
      (db) => db.earnings.inRange(2, 5),
      (db) => db.earnings.rollup({ by: 'day', start: 2, end: 5 }),
    ],
  },
  {
    name: 'agents',
    key: 'npub',
    integers: ['balance_sats', 'tick_count', 'last_tick_at', 'created_at', 'updated_at'],
    texts: ['name', 'memory_json', 'goals_json'],
    words: ['lifecycle_state'],
    one: (db) => db.agents.get('bad'),
    lists: [(db) => db.agents.listAll()],
    others: [
      (db) => db.agents.get('good'),
      (db) => db.agents.listByState('dormant'),
      (db) => db.agents.tickHistory('good'),
      (db) => db.jobs.list(),
    ],
  },
  {
    name: 'tick_history',
    key: 'id',
    integers: [
      ...['tick_number', 'prompt_tokens', 'completion_tokens', 'cost_sats', 'duration_ms'],
      'created_at',
    ],
    texts: ['actions_json'],
    words: [],
    one: undefined,
    lists: [(db) => db.agents.tickHistory('bad')],
    others: [(db) => db.agents.tickHistory('good'), (db) => db.agents.listAll()],
  },
];

async function withGoodRows(): Promise<TestFile> {
  const file = await testFile();
  const { db } = file;
  for (const id of ['good', 'bad']) {
    await db.jobs.create({ id, kind: 1, customer_pubkey: 'c' });
    await db.agents.upsert({ npub: id, name: '', lifecycle_state: 'active' });
    await db.agents.recordTick(id, { tick_number: 1 });
  }
  await db.jobs.complete('good', { price_msats: 1 });
  await db.agents.updateState('good', 'dormant');
  await db.earnings.record({
    ...{ id: 'good', amount_msats: 1, source: 'tip', payment_hash: 'good', earned_at: 3 },
  } as const);
  await db.earnings.record({ id: 'bad', amount_msats: 1, source: 'tip', earned_at: NOON });
  return file;
}

/** The row of `table` that is called bad. */
const whereBad = ({ name, key }: Table) =>
  name === 'tick_history' ? "agent_npub = 'bad'" : `${key} = 'bad'`;

async function expectTold(
  call: Promise<unknown>,
  code: ErrorCode,
  details: object,
  label: string,
): Promise<void> {
  const error = await call.catch((reason: unknown) => reason);
  if (!isPylonDbError(error, code)) throw new Error(`${label} gave no ${code}`, { cause: error });
  expect(error.details, label).toEqual(details);
}

describe.each(TABLES)('a row of $name that another program wrote', (table) => {
  const values = [
    ...table.integers.flatMap((column) => IN_INTEGERS.map((bad) => [column, ...bad] as const)),
    ...table.texts.flatMap((column) => IN_TEXTS.map((bad) => [column, ...bad] as const)),
    ...table.words.flatMap((column) => IN_WORDS.map((bad) => [column, ...bad] as const)),
  ];

  it('fails by table, column and key wherever it is read, and nothing else does', async () => {
    const { db, path, open } = await withGoodRows();
    const reader = await open({ readonly: true });
    const where = whereBad(table);
    const columns = [...table.integers, ...table.texts, ...table.words];
    writeByAnother(path, `create table kept as select * from ${table.name} where ${where}`);
    const key = table.name === 'tick_history' ? '2' : 'bad';
    for (const [column, sql, code] of values) {
      writeByAnother(path, `update ${table.name} set ${column} = ${sql} where ${where}`);
      const details = { table: table.name, column, key };
      for (const [i, handle] of [db, reader].entries()) {
        const label = `${table.name}.${column} = ${sql} by ${i === 0 ? 'writer' : 'reader'}`;
        if (table.one !== undefined) await expectTold(table.one(handle), code, details, label);
        for (const list of table.lists) await expectTold(list(handle), code, details, label);
        for (const other of table.others) await other(handle);
      }
      const restored = columns.map((name) => `${name} = (select ${name} from kept)`).join(', ');
      writeByAnother(path, `update ${table.name} set ${restored} where ${where}`);
    }
    for (const list of table.lists) await list(db);
    reported(`foreign rows of ${table.name}`, {
      tried: `${values.length} values in ${columns.length} columns, two connections`,
      figure: 'each reported by table, column and key; 0 other reads failed',
    });
  });

  it.runIf(table.one !== undefined)(
    'with NULL or a blob for its key is reported in lists',
    async () => {
      const { db, path } = await withGoodRows();
      for (const [sql] of IN_KEYS) {
        writeByAnother(
          path,
          `update ${table.name} set ${table.key} = ${sql} where ${whereBad(table)}`,
        );
        for (const list of table.lists) {
          const details = {
            table: table.name,
            column: table.key,
            key: sql === 'null' ? 'NULL' : 'a',
          };
          await expectTold(list(db), 'CORRUPT_ROW', details, `${table.name} key ${sql}`);
        }
        for (const other of table.others) await other(db);
        const isBad = `${table.key} is null or typeof(${table.key}) = 'blob'`;
        writeByAnother(path, `update ${table.name} set ${table.key} = 'bad' where ${isBad}`);
      }
    },
  );
});

describe('totals', () => {
  it.each(IN_INTEGERS)('of earnings name the row with %s', async (sql, code) => {
    const { db, path } = await withGoodRows();
    writeByAnother(path, `update earnings set amount_msats = ${sql} where id = 'bad'`);
    const details = { table: 'earnings', column: 'amount_msats', key: 'bad' };
    const sums = [db.earnings.total(), db.earnings.summary(), db.earnings.today()];
    await Promise.all(sums.map((sum) => expectTold(sum, code, details, sql)));
    const day = await db.earnings.rollup({ by: 'day', start: 2, end: 5 });
    expect(day).toMatchObject([{ amount_msats: 1, count: 1 }]);
  });

  it('of jobs name the row with an unknown status, and others can be changed', async () => {
    const { db, path } = await withGoodRows();
    writeByAnother(path, "update jobs set status = 'unheard of' where id = 'bad'");
    const details = { table: 'jobs', column: 'status', key: 'bad' };
    await expectTold(db.jobs.countByStatus(), 'CORRUPT_ROW', details, 'countByStatus');
    expect(await db.jobs.listByStatus('completed')).toHaveLength(1);
    await db.jobs.create({ id: 'new', kind: 1, customer_pubkey: 'c' });
    expect(await db.jobs.claimNext()).toMatchObject({ id: 'new' });
  });
});

describe('a dangling foreign key', () => {
  it('is read as it is, counts, and stops nothing', async () => {
    const { db, path } = await withGoodRows();
    writeByAnother(
      path,
      `insert into earnings (id, job_id, amount_msats, source, earned_at)
       values ('dangling', 'gone', 10, 'job', ${NOON});
       insert into tick_history (agent_npub, tick_number) values ('gone', 1);`,
    );
    expect(await db.earnings.get('dangling')).toMatchObject({ job_id: 'gone' });
    expect(await db.earnings.forJob('gone')).toHaveLength(1);
    expect(await db.earnings.summary()).toMatchObject({ total_msats: 12, job_count: 1 });
    expect(await db.agents.tickHistory('gone')).toHaveLength(1);
    expect(await db.agents.delete('gone')).toBe(false);
    expect(await db.agents.get('gone')).toBeUndefined();
    await expect(db.earnings.recordForJob('gone', 1)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(db.agents.recordTick('gone', { tick_number: 2 })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });
});
