import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { migrations } from '../../migrations/index.js';
import { PylonDb } from '../../src/index.js';
import type { MigrationList } from '../../src/migrate/migration.js';
import { Migrator } from '../../src/migrate/migrator.js';
import { failureOf } from '../engine/failure.js';
import { temporaryFolder } from '../temporary.js';
import { contentsOf, schemaOf } from './schema-of.js';

const ROWS = `
  insert into jobs (id, kind, customer_pubkey, status, started_at) values
    ('a', 1, 'c', 'pending', 1), ('b', 1, 'c', 'completed', 2);
  insert into earnings (id, job_id, amount_msats, source, payment_hash) values
    ('e', 'b', 7, 'job', 'h'), ('f', null, 3, 'tip', null);
  insert into agents (npub, name, lifecycle_state) values ('n', 'N', 'active');
  insert into tick_history (agent_npub, tick_number) values ('n', 1), ('n', 2);`;

const ANOTHER_PROGRAMS = `
  insert into migrations (name) values ('002_invoices');
  create table invoices (id text primary key);
  insert into invoices values ('i');`;

let db: Database.Database;
let path: string;

beforeEach(() => {
  path = join(temporaryFolder(), 'pylon.db');
  db = new Database(path);
  db.pragma('foreign_keys = on');
  onTestFinished(() => {
    db.close();
  });
});

const migrator = (list: MigrationList = migrations) =>
  new Migrator({ db, path, list, busyTimeoutMs: 1000, operation: 'test' });

/** Everything but what comes back anew: the ledger's numbers and times, and the identity. */
function contents(): Record<string, unknown> {
  const { pylon_db_identity: _, ...others } = contentsOf(db);
  return { ...others, migrations: ledger() };
}

const ledger = () => db.prepare('select name from migrations order by name').pluck().all();

describe.each(Object.keys(migrations).slice(1))('down of %s', (name) => {
  const before = Object.keys(migrations)[Object.keys(migrations).indexOf(name) - 1];

  it.each([
    ['an empty file', ''],
    ['a file with rows', `${ROWS}${ANOTHER_PROGRAMS}`],
  ])('restores the schema of %s exactly, and up again works', async (_, rows) => {
    await migrator().up(before);
    db.exec(rows);
    const without = contents();
    await migrator().up(name);
    const withIt = contents();
    expect(withIt['schema']).not.toEqual(without['schema']);

    expect(await migrator().down(1)).toEqual([name]);
    expect(contents()).toEqual(without);

    expect(await migrator().up(name)).toEqual([name]);
    expect(contents()).toEqual(withIt);
  });

  it('keeps what was written meanwhile', async () => {
    await migrator().up(name);
    db.exec(ROWS);
    const { earnings, jobs } = contentsOf(db);
    await migrator().down(1);
    expect(contentsOf(db)).toMatchObject({ earnings, jobs });
  });
});

it.each(['down', 'redo'] as const)(
  'refuses %s beneath a newer migration that the list lacks: the newest is meant',
  async (call) => {
    await migrator().up();
    db.exec(`${ROWS}${ANOTHER_PROGRAMS}`);
    const before = contentsOf(db);
    const reverting = call === 'down' ? migrator().down(1) : migrator().redo();
    const error = await failureOf(reverting, 'INVALID_ARGUMENT');
    const newest = Object.keys(migrations).at(-1);
    expect(error.message).toContain(`002_invoices was applied after ${newest}`);
    expect(error.hint).toContain(`\`pylon-db migrate ${call} ${newest}\``);
    expect(contentsOf(db)).toEqual(before);
  },
);

it('reverts the one that is named, beneath those of another program, which stay', async () => {
  await migrator().up();
  db.exec(`${ROWS}${ANOTHER_PROGRAMS}`);
  const [newest = ''] = Object.keys(migrations).slice(-1);
  expect(await migrator().down(newest)).toEqual([newest]);
  expect(ledger()).toContain('002_invoices');
  expect(ledger()).not.toContain(newest);
  expect(db.prepare('select id from invoices').pluck().all()).toEqual(['i']);
  const again = await failureOf(migrator().down(newest), 'INVALID_ARGUMENT');
  expect(again.message).toContain(`${newest} is not applied`);
  await failureOf(migrator().down('002_invoices'), 'INVALID_ARGUMENT');
});

it.each(['down', 'redo'] as const)(
  "takes a service's newest for %s, also when an update of pylon-db was applied after it",
  async (call) => {
    const [newest = ''] = Object.keys(migrations).slice(-1);
    const { [newest]: ofTheUpdate, ...before } = migrations;
    const own: MigrationList = {
      '101_service': async () => ({
        async up({ context }) {
          await context.schema.createTable('service').addColumn('id', 'integer').execute();
        },
        async down({ context }) {
          await context.schema.dropTable('service').execute();
        },
      }),
    };
    await migrator({ ...before, ...own }).up();
    const list: MigrationList = { ...before, [newest]: ofTheUpdate, ...own } as MigrationList;
    await migrator(list).up();
    const answer = await (call === 'down' ? migrator(list).down(1) : migrator(list).redo());
    expect(answer).toEqual(['101_service']);
    expect(ledger()).toContain(newest);
  },
);

it('goes down several steps and up again', async () => {
  await migrator().up();
  const all = schemaOf(db);
  const ours = Object.keys(migrations).slice(1);
  expect(await migrator().down(ours.length)).toEqual(ours.toReversed());
  expect(ledger()).toEqual(['001_initial_schema']);
  await migrator().up();
  expect(schemaOf(db)).toEqual(all);
});

it('leaves a file that a service can open and migrate again', async () => {
  await migrator().up();
  db.exec(ROWS);
  await migrator().down(Object.keys(migrations).length - 1);
  const opened = await PylonDb.open(path);
  expect(await opened.jobs.countByStatus()).toMatchObject({ pending: 1, completed: 1 });
  expect(await opened.earnings.total()).toBe(10);
  await opened.close();
});

it.each([1, Object.keys(migrations).length, 99])(
  'refuses to revert the published schema (%i steps down)',
  async (steps) => {
    await migrator().up(steps === 1 ? '001_initial_schema' : undefined);
    db.exec(ROWS);
    const before = contentsOf(db);
    const error = await failureOf(migrator().down(steps), 'NOT_SUPPORTED');
    expect(error.message).toContain('001_initial_schema');
    expect(contentsOf(db)).toEqual(before);
  },
);

it('leaves schema, rows and ledger as they were when a down fails half-way', async () => {
  const list: MigrationList = {
    ...migrations,
    '004_service': async () => ({
      async up({ context }) {
        await context.schema.createTable('service').addColumn('id', 'integer').execute();
      },
      async down({ context }) {
        await context.schema.dropTable('service').execute();
        await context.schema.dropTable('never_there').execute();
      },
    }),
  };
  await migrator(list).up();
  db.exec(ROWS);
  const before = contentsOf(db);
  const error = await failureOf(migrator(list).down(1), 'MIGRATION_FAILED');
  expect(error.migration).toBe('004_service');
  expect(error.statement).toContain('never_there');
  expect(contentsOf(db)).toEqual(before);
});
