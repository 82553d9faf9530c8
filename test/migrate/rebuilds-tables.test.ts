import { join } from 'node:path';
import { sql } from 'kysely';
import { beforeEach, expect, it } from 'vitest';
import { type Migration, type MigrationList, PylonDb } from '../../src/index.js';
import { failureOf } from '../engine/failure.js';
import { readOutside, writeOutside } from '../engine/outside.js';
import { temporaryFolder } from '../temporary.js';

let path: string;

const CREATE: MigrationList = {
  '002_teams': async () => ({
    async up({ context }) {
      await sql`create table teams (id integer primary key, name text)`.execute(context);
      await sql`create table members (team integer not null references teams (id))`.execute(
        context,
      );
    },
  }),
};

const rebuild = (change: string, rebuildsTables: boolean): MigrationList => ({
  ...CREATE,
  '003_team_names': async () => ({
    rebuildsTables,
    async up({ context }) {
      await sql`create table new_teams (id integer primary key, name text not null)`.execute(
        context,
      );
      await sql.raw(change).execute(context);
      await sql`drop table teams`.execute(context);
      await sql`alter table new_teams rename to teams`.execute(context);
    },
  }),
});

const COPY = "insert into new_teams select id, coalesce(name, '?') from teams";
const COPY_SOME = `${COPY} where id > 1`;

beforeEach(async () => {
  path = join(temporaryFolder(), 'pylon.db');
  await (await PylonDb.open(path, { migrations: CREATE })).close();
  writeOutside(
    path,
    'insert into teams values (1, null), (2, null); insert into members values (1), (1), (2)',
  );
});

const schema = () => readOutside(path, 'select name, sql from sqlite_master order by name');
const open = (migrations: MigrationList) => PylonDb.open(path, { migrations });

it('rebuilds a table that others reference, and leaves foreign keys on', async () => {
  const db = await open(rebuild(COPY, true));
  expect(readOutside(path, 'select id, name from teams')).toEqual([
    { id: 1, name: '?' },
    { id: 2, name: '?' },
  ]);
  expect(readOutside(path, 'select team from members')).toHaveLength(3);
  const orphan = sql`insert into members values (99)`.execute(db.kysely);
  expect((await failureOf(orphan, 'INVALID_ARGUMENT')).constraint).toBe('foreign_key');
  await db.close();
});

it('could not rebuild it without saying so', async () => {
  const before = schema();
  await failureOf(open(rebuild(COPY, false)), 'MIGRATION_FAILED');
  expect(schema()).toEqual(before);
});

it('fails when rows are left without their parents, and leaves all as it was', async () => {
  const before = schema();
  const error = await failureOf(open(rebuild(COPY_SOME, true)), 'MIGRATION_FAILED');
  expect(error.migration).toBe('003_team_names');
  expect(schema()).toEqual(before);
  expect(readOutside(path, 'select team from members')).toHaveLength(3);
  const db = await open(CREATE);
  const orphan = sql`insert into members values (99)`.execute(db.kysely);
  expect((await failureOf(orphan, 'INVALID_ARGUMENT')).constraint).toBe('foreign_key');
  await db.close();
});

it('does not mind orphans that were there before', async () => {
  writeOutside(path, 'pragma foreign_keys = off; insert into members values (77)');
  await (await open(rebuild(COPY, true))).close();
  expect(readOutside(path, 'select count(*) as n from teams')).toEqual([{ n: 2 }]);
  expect(readOutside(path, 'select count(*) as n from members')).toEqual([{ n: 4 }]);
});

it('cannot trade an old orphan for a new one', async () => {
  writeOutside(path, 'pragma foreign_keys = off; insert into members values (77), (77)');
  // Gives the old orphans a parent and takes the parent of two other rows: as many as before.
  const trade = `insert into new_teams select id, '?' from teams where id > 1
    union all select 77, '?'`;
  await failureOf(open(rebuild(trade, true)), 'MIGRATION_FAILED');
  expect(readOutside(path, 'select id from teams')).toEqual([{ id: 1 }, { id: 2 }]);
});

it('turns foreign keys on again after a rebuild that threw', async () => {
  const failing: Migration['up'] = async () => {
    throw new Error('no');
  };
  const list: MigrationList = {
    ...CREATE,
    '003_fails': async () => ({ rebuildsTables: true, up: failing }),
  };
  await failureOf(open(list), 'MIGRATION_FAILED');
  const db = await open(CREATE);
  const orphan = sql`insert into members values (99)`.execute(db.kysely);
  expect((await failureOf(orphan, 'INVALID_ARGUMENT')).constraint).toBe('foreign_key');
  await db.close();
});
