import { type Kysely, sql } from 'kysely';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Migration, MigrationList } from '../../src/index.js';
import { ENGINE, type TestDatabase, testDatabase } from '../database.js';
import { failureOf, rejection } from '../engine/failure.js';
import { job } from '../engine/fresh.js';

const NAME = '002_service';

const list = (up: Migration['up'], more: Partial<Migration> = {}): MigrationList => ({
  [NAME]: async () => ({ up, ...more }),
});

/** A migration that runs these statements, one after the other. */
const running = (...statements: readonly string[]): MigrationList =>
  list(async ({ context }) => {
    for (const text of statements) await sql.raw(text).execute(context);
  });

const table = (db: Kysely<unknown>, name: string) =>
  db.schema.createTable(name).addColumn('id', 'integer').execute();

const isPostgres = ENGINE === 'postgres';
const integer = isPostgres ? 'bigint' : 'integer';

/** A rebuild of `earnings` whose table differs as `change` says. */
const rebuilt = (change: (sql: string) => string): readonly string[] => [
  change(`create table new_earnings (id text ${isPostgres ? 'collate "C" ' : ''}primary key,
    job_id text ${isPostgres ? 'collate "C" ' : ''}references jobs(id),
    amount_msats ${integer} not null,
    source text not null check (source in ('job', 'tip', 'other')),
    payment_hash text, preimage text,
    earned_at ${integer} not null default (${isPostgres ? 'floor(extract(epoch from now()))::bigint' : 'unixepoch()'}))`),
  'insert into new_earnings select * from earnings',
  `drop table earnings${isPostgres ? ' cascade' : ''}`,
  'alter table new_earnings rename to earnings',
];

let database: TestDatabase;

beforeEach(async () => {
  database = await testDatabase();
  await database.db.jobs.create(job('stands'));
});

const open = (migrations: MigrationList) => database.open({ migrations });
const ledger = () => database.stored('select name from migrations order by name');

/** Opening fails by the migration, and leaves schema, rows and ledger as they were. */
async function expectFailure(migrations: MigrationList) {
  const before = await ledger();
  const error = await failureOf(open(migrations), 'MIGRATION_FAILED');
  expect(error.migration).toBe(NAME);
  expect(await ledger()).toEqual(before);
  const db = await database.open();
  await db.jobs.create(job('works'));
  expect(await database.stored('select id from jobs order by id')).toEqual([
    { id: 'stands' },
    { id: 'works' },
  ]);
  return error;
}

/** The tables that migrations of these tests make. */
const own = async () =>
  await database.stored(
    isPostgres
      ? "select relname as name from pg_class where relname like 'own%' and relnamespace = current_schema()::regnamespace"
      : "select name from sqlite_master where name like 'own%'",
  );

describe('a migration that breaks the published schema is rolled back', () => {
  it.each([
    [
      'renames a column',
      ['alter table jobs rename column customer_pubkey to requester'],
      'column jobs.customer_pubkey is missing',
    ],
    [
      'drops a column',
      ['alter table agents drop column memory_json'],
      'column agents.memory_json is missing',
    ],
    ['drops a table', ['drop table tick_history'], 'table tick_history is missing'],
    [
      'renames a table',
      ['alter table tick_history rename to ticks'],
      'table tick_history is missing',
    ],
    [
      'adds a value to a CHECK',
      rebuilt((text) => text.replace("'other'", "'other', 'zap'")),
      "column earnings.source has CHECK (source IN ('job', 'other', 'tip', 'zap')), not",
    ],
    [
      'drops a CHECK',
      rebuilt((text) => text.replace(/ check .*/, ',')),
      'column earnings.source has no CHECK, not',
    ],
    [
      'adds a CHECK',
      rebuilt((text) =>
        text.replace(`${integer} not null,`, `${integer} not null check (amount_msats > 0),`),
      ),
      'column earnings.amount_msats has CHECK',
    ],
    [
      'changes a type',
      rebuilt((text) => text.replace(`amount_msats ${integer}`, 'amount_msats real')),
      'column earnings.amount_msats is',
    ],
    [
      'drops a NOT NULL',
      rebuilt((text) =>
        text.replace(`amount_msats ${integer} not null`, `amount_msats ${integer}`),
      ),
      'column earnings.amount_msats is nullable, not NOT NULL',
    ],
    [
      'adds a NOT NULL',
      rebuilt((text) => text.replace('payment_hash text', "payment_hash text not null default ''")),
      'column earnings.payment_hash is NOT NULL, not nullable',
    ],
    [
      'changes a default',
      rebuilt((text) => text.replace(/default .*/, 'default 0)')),
      'column earnings.earned_at has DEFAULT 0, not DEFAULT unixepoch()',
    ],
    [
      'drops a key',
      rebuilt((text) => text.replace('primary key', isPostgres ? 'not null' : '')),
      'column earnings.id has no key, not PRIMARY KEY',
    ],
    [
      'drops a foreign key',
      rebuilt((text) => text.replace('references jobs(id)', '')),
      'column earnings.job_id has no foreign key, not REFERENCES jobs(id)',
    ],
    [
      'lets a foreign key cascade',
      rebuilt((text) => text.replace('jobs(id)', 'jobs(id) on delete cascade')),
      'REFERENCES jobs(id) ON DELETE CASCADE, not REFERENCES jobs(id)',
    ],
    [
      'adds a column that every insert must name',
      rebuilt((text) => text.replace('preimage text', 'preimage text, memo text not null')).map(
        (text) =>
          text
            .replace('select *', "select *, 'memo'")
            .replace(
              'new_earnings select',
              'new_earnings (id, job_id, amount_msats, source, payment_hash, preimage, earned_at, memo) select',
            ),
      ),
      'column earnings.memo is NOT NULL and has no default',
    ],
  ])('one that %s', async (_, statements, problem) => {
    const error = await expectFailure(running('create table own (id integer)', ...statements));
    expect(error.message).toContain(problem);
    expect(error.hint).toContain('column or table of your own');
    expect(error.statement).toMatch(/^(create|alter|drop) table /);
    expect(await own()).toEqual([]);
  });
});

describe('what a migration may do to published tables', () => {
  it('is to add columns, also with rules of their own', async () => {
    const db = await open(
      running(
        'alter table jobs add column priority integer not null default 0 check (priority >= 0)',
        'alter table jobs add column rival text references agents(npub)',
        'create index own_priority on jobs (priority)',
      ),
    );
    await db.jobs.create(job('more'));
    expect(await database.value('select priority from jobs')).toEqual(0);
  });

  it('is to rebuild one as it was, with a CHECK spelt otherwise', async () => {
    await open(
      running(
        ...rebuilt((text) => text.replace("('job', 'tip', 'other')", "('tip','other', 'job')")),
      ),
    );
    expect(await ledger()).toContainEqual({ name: NAME });
  });

  it('is to leave alone what another program changed before', async () => {
    await database.writeByAnother('alter table jobs add column theirs text');
    for (const text of rebuilt((text) => text.replace("'other'", "'other', 'zap'"))) {
      await database.writeByAnother(text);
    }
    await open(running('create table own (id integer)'));
    expect(await own()).toEqual([{ name: 'own' }]);
  });
});

describe('a migration that touches the ledger is rolled back', () => {
  it.each([
    ['deletes a row', "delete from migrations where name = '001_initial_schema'"],
    ['changes a time', "update migrations set applied_at = 1 where name = '001_initial_schema'"],
    ['renames a row', "update migrations set name = 'x' where name = '002_pylon_db_indexes'"],
    ['adds a row', "insert into migrations (name) values ('009_other')"],
  ])('one that %s', async (_, statement) => {
    const error = await expectFailure(running(statement));
    expect(error.message).toContain('rows of the ledger would be changed');
    expect(error.statement).toBe(statement);
  });
});

it.each([
  ['nothing', {}],
  ['only a default', { default: { up: async () => {} } }],
])('a migration whose file exports %s is not logged as applied', async (_, file) => {
  const loads = async () => JSON.parse(JSON.stringify(file));
  const error = await expectFailure({ [NAME]: loads });
  expect(error.message).toContain('it exports no up()');
});

it('a migration whose ledger row a trigger swallows fails, and runs not once per open', async () => {
  await database.writeByAnother(
    isPostgres
      ? `create function swallow() returns trigger language plpgsql as 'begin return null; end'`
      : `create trigger swallow before insert on migrations begin select raise(ignore); end`,
  );
  if (isPostgres) {
    await database.writeByAnother(
      'create trigger swallow before insert on migrations for each row execute function swallow()',
    );
  }
  const opening = open(running('create table own (id integer)'));
  expect((await failureOf(opening, 'MIGRATION_FAILED')).migration).toBe(NAME);
  expect(await own()).toEqual([]);
});

it.runIf(ENGINE === 'sqlite')(
  'a migration that leaves a temporary table behind fails',
  async () => {
    const error = await expectFailure(running('create temp table jobs as select 1 as id'));
    expect(error.message).toContain('temporary jobs is left behind');
    await open(running('create temp table scratch (id integer)', 'drop table scratch'));
  },
);

describe('a statement that a migration did not await', () => {
  const afterwards = async (migrations: MigrationList) => {
    const error = await expectFailure(migrations);
    expect(error.hint).toContain('Await every statement');
    expect(await own()).toEqual([]);
    return error;
  };

  it('fails it, when it is the last', async () => {
    const error = await afterwards(
      list(async ({ context }) => {
        table(context, 'own');
      }),
    );
    expect(error.statement).toContain('own');
  });

  it('fails it, when it is the only one of a function that is not async', async () => {
    const up: Migration['up'] = ({ context }) => {
      table(context, 'own');
      return Promise.resolve();
    };
    await afterwards(list(up));
  });

  it('fails it, when forEach started several', async () => {
    await afterwards(
      list(async ({ context }) => {
        ['own1', 'own2', 'own3'].forEach(async (name) => {
          await table(context, name);
          await rejection(table(context, `${name}b`));
        });
      }),
    );
  });

  it('does not fail it, when all had ended before the migration did', async () => {
    await open(
      list(async ({ context }) => {
        const first = table(context, 'own1');
        await table(context, 'own2');
        await first;
        await Promise.all(['own3', 'own4'].map((name) => table(context, name)));
      }),
    );
    expect(await own()).toHaveLength(4);
  });

  it('is refused when it comes after the migration has ended', async () => {
    const late: Promise<unknown>[] = [];
    await open(
      list(async ({ context }) => {
        const pause = new Promise((resolve) => setTimeout(resolve, 20));
        late.push(rejection(pause.then(() => table(context, 'own'))));
      }),
    );
    expect(await late[0]).toMatchObject({ code: 'TRANSACTION_ENDED' });
    expect(await own()).toEqual([]);
  });
});

describe('PRAGMA foreign_keys in a migration', () => {
  it.each([
    'pragma foreign_keys = off',
    'PRAGMA foreign_keys=0',
    '/* off */ pragma main.foreign_keys(off);',
    'pragma "foreign_keys" = false',
  ])('is refused: %s', async (text) => {
    const error = await expectFailure(running('create table own (id integer)', text));
    expect(error.hint).toContain('rebuildsTables');
    expect(error.statement).toBe(text);
  });
});
