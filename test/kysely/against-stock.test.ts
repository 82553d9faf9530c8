import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import { expect, it } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { readOutside, writeOutside } from '../engine/outside.js';
import { temporaryFolder } from '../temporary.js';
import { DIFFERENT } from './different.js';
import { PRAGMAS } from './pragmas.js';
import type { Queries, Tables } from './query.js';
import { RAW } from './raw.js';
import { READS } from './reads.js';
import { SCHEMA } from './schema.js';
import { WRITES } from './writes.js';

const DOCUMENT = join(import.meta.dirname, '../../docs/kysely.md');

/** What is queried besides the published tables: each kind of table and column. */
const TABLES = `
  create table notes (id integer primary key, text text unique, n real, flag boolean, at datetime,
    j json, b blob, big integer);
  create table nopk (a, b);
  create table wr (k text primary key, v) without rowid;
  create table st (id integer primary key, v int) strict;
  create table gen (id integer primary key, a int, b int generated always as (a*2) stored,
    c int as (a*3));
  create view v_jobs as select id, kind from jobs;
  create virtual table ft using fts5(body);
  create table casc (id integer primary key, parent integer references casc(id) on delete cascade)`;

const NOW = 1_700_000_000;

/** A file with rows of every published table, closed. */
async function makeFile(path: string): Promise<void> {
  const db = await PylonDb.open(path, { clock: () => NOW });
  for (let i = 0; i < 40; i++) {
    const id = `j${String(i).padStart(2, '0')}`;
    const job = { id, kind: 5000 + (i % 5), customer_pubkey: `c${i % 3}`, created_at: NOW + i };
    await db.jobs.create(job);
  }
  for (let i = 0; i < 10; i++) {
    await db.jobs.completeWithPayment(`j0${i}`, { price_msats: 100 * (i + 1) });
  }
  await db.agents.upsert({ npub: 'n1', name: 'A', lifecycle_state: 'active' });
  for (let i = 0; i < 5; i++) {
    const actions_json = JSON.stringify([{ my_key: i }]);
    await db.agents.recordTick('n1', { tick_number: i + 1, actions_json });
  }
  await db.close();
  writeOutside(path, TABLES);
}

/** A value as text that tells apart what JSON doesn't. */
function shown(value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number' && (Object.is(value, -0) || !Number.isFinite(value))) {
    return `number ${Object.is(value, -0) ? '-0' : value}`;
  }
  if (value instanceof Uint8Array) {
    return `${Buffer.isBuffer(value) ? 'Buffer' : 'bytes'} ${Buffer.from(value).toString('hex')}`;
  }
  if (value === undefined) return 'undefined';
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, item]) => [name, shown(item)]);
  return { is: value.constructor.name, entries: entries.sort() };
}

/** What kind of error it is: of ours, what it was made of. */
function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  const reported = cause instanceof Error ? cause : error;
  const code = 'code' in reported ? String(reported.code) : '';
  return code.startsWith('SQLITE_') ? code : `${reported.constructor.name} ${reported.message}`;
}

async function answer(query: Queries[string], kysely: Kysely<Tables>): Promise<string> {
  try {
    return JSON.stringify(shown(await query(kysely)));
  } catch (error) {
    return `throws ${kindOf(error)}`;
  }
}

const QUERIES: Queries = { ...READS, ...WRITES, ...RAW, ...PRAGMAS, ...SCHEMA, ...DIFFERENT };

it('the same queries (200 and more) on stock Kysely and on db.kysely answer alike, but for those that docs/kysely.md lists', async () => {
  const differing = new Map<string, readonly [stock: string, ours: string]>();
  const folder = temporaryFolder();
  const paths = [join(folder, 'stock.db'), join(folder, 'ours.db')] as const;
  await makeFile(paths[0]);
  copyFileSync(...paths);
  const database = new Database(paths[0]);
  database.pragma('foreign_keys = on');
  const stock = new Kysely<Tables>({ dialect: new SqliteDialect({ database }) });
  const db = await PylonDb.open(paths[1], { clock: () => NOW });
  const ours = db.kysely as Kysely<object> as Kysely<Tables>;
  for (const [name, query] of Object.entries(QUERIES)) {
    // Before what is meant to differ: after that the rows may differ too.
    if (name === Object.keys(DIFFERENT)[0]) expect(rows(paths[1])).toEqual(rows(paths[0]));
    const answers = [await answer(query, stock), await answer(query, ours)] as const;
    if (answers[0] !== answers[1]) differing.set(name, answers);
  }
  await stock.destroy();
  await db.close();

  expect(Object.keys(QUERIES).length).toBeGreaterThanOrEqual(200);
  const listed = [...readFileSync(DOCUMENT, 'utf8').matchAll(/^\|.*\|([^|]*)\|$/gm)]
    .flatMap(([, last = '']) => [...last.matchAll(/`(\w+)`/g)])
    .map(([, name]) => name);
  const found = [...differing.keys()];
  expect(found.sort(), JSON.stringify([...differing], null, 2)).toEqual(listed.sort());
});

it("a read doesn't wait for a write that nobody has awaited", async () => {
  const path = join(temporaryFolder(), 'pylon.db');
  await makeFile(path);
  await using db = await PylonDb.open(path);
  const ours = db.kysely as Kysely<object> as Kysely<Tables>;
  let release = () => {};
  const holder = db.transaction(() => new Promise<void>((resolve) => (release = resolve)));
  const write = ours.insertInto('notes').values({ text: 'queued' }).execute();
  const texts = ours.selectFrom('notes').select('text');
  expect(await texts.execute()).toEqual([]);
  release();
  await Promise.all([holder, write]);
  expect(await texts.execute()).toEqual([{ text: 'queued' }]);
});

/** Every row of every table that isn't ours or a shadow of another. */
function rows(path: string): unknown[] {
  const tables = readOutside(
    path,
    `select name from sqlite_master where type = 'table' and name not like 'sqlite_%'
     and name not like 'ft_%' and name not like 'pylon_db_%' order by name`,
  );
  return tables.flatMap((table) => {
    const { name } = table as { name: string };
    return readOutside(path, `select '${name}' as "table", * from "${name}"`);
  });
}
