import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { migrations } from '../migrations/index.js';
import { PylonDb } from '../src/index.js';
import { literals, PUBLISHED_TABLES, stored, writeByAnother } from './file.js';
import { ANSWERS, CLEAN, FACTS, NAME, QUESTIONS } from './fixture-answers.js';
import { temporaryFolder } from './temporary.js';

/** What an open adds to the ledger of a published file. */
const ours = Object.keys(migrations).slice(1);

/** The same database, copied while its writer had it open: most rows are in its WAL. */
const UNCLEAN = join(CLEAN, 'unclean');

/** A copy of a fixture with its sidecars; the path of its database. */
function copyOf(folder: string): string {
  const copy = temporaryFolder();
  for (const file of readdirSync(folder).filter((name) => name.startsWith(NAME))) {
    cpSync(join(folder, file), join(copy, file));
  }
  return join(copy, NAME);
}

async function open(path: string, readonly = false): Promise<PylonDb> {
  const db = await PylonDb.open(path, { readonly, clock: () => FACTS.generated_at });
  onTestFinished(() => db.close());
  return db;
}

/** Every value of every published row, and where ticks go on counting. */
const ownersRows = (path: string) => ({
  ...literals(path, ...PUBLISHED_TABLES),
  sequence: stored(path, 'select * from sqlite_sequence'),
});

/** Everything in the schema by its name. */
const schema = (path: string) =>
  stored(path, 'select type, name, tbl_name, sql from sqlite_master order by type, name');

const WAYS = [
  ['the clean file', CLEAN, false],
  ['the clean file for reading only', CLEAN, true],
  ['the file with an unclean WAL', UNCLEAN, false],
  ['the file with an unclean WAL for reading only', UNCLEAN, true],
] as const;

describe('a file that another implementation wrote', () => {
  it('has an answer to every question', () => {
    expect(Object.keys(QUESTIONS).toSorted()).toEqual(Object.keys(ANSWERS).toSorted());
    expect(FACTS.generated_at - (FACTS.generated_at % 86_400)).toBe(FACTS.today_utc_start);
    expect(FACTS.sqlite_version).toMatch(/^3\./);
  });

  it.each(WAYS)('answers as its author did: %s', async (_, folder, readonly) => {
    const db = await open(copyOf(folder), readonly);
    for (const [key, ask] of Object.entries(QUESTIONS)) {
      expect(await ask(db), key).toEqual(Reflect.get(ANSWERS, key));
    }
  });

  it.each([CLEAN, UNCLEAN])('is adopted, and nothing of its own changes: %s', async (folder) => {
    const untouched = copyOf(folder);
    const ledger = stored(untouched, 'select * from migrations order by id');
    expect(ledger).toMatchObject([{ name: '001_initial_schema' }]);

    const path = copyOf(folder);
    await (await open(path)).close();
    expect(ownersRows(path)).toEqual(ownersRows(untouched));
    expect(schema(path)).toEqual(expect.arrayContaining(schema(untouched)));
    expect(stored(path, 'select * from migrations order by id')).toMatchObject([
      ...ledger,
      ...ours.map((name) => ({ name })),
    ]);

    const adopted = ownersRows(path);
    await (await open(path)).close();
    expect(ownersRows(path)).toEqual(adopted);
    expect(stored(path, 'select count(*) as n from migrations')).toEqual([
      { n: Object.keys(migrations).length },
    ]);
  });

  it.each([CLEAN, UNCLEAN])('keeps its bytes when it is only read: %s', async (folder) => {
    const path = copyOf(folder);
    // The -shm file is an index of the WAL, which every reader makes anew.
    const files = folder === CLEAN ? [path] : [path, `${path}-wal`];
    const before = files.map((file) => readFileSync(file));
    const db = await open(path, true);
    expect(await db.earnings.total()).toBe(ANSWERS.get_total_earnings);
    await expect(db.jobs.cancel('missing')).rejects.toMatchObject({ code: 'READ_ONLY' });
    await db.close();
    for (const [i, file] of files.entries()) {
      expect(before[i]?.equals(readFileSync(file)), file).toBe(true);
    }
    expect(stored(path, 'select name from migrations')).toEqual([{ name: '001_initial_schema' }]);
  });
});

describe('a file with the tables of other programs', () => {
  const THEIRS = ['invoices', 'neobank_accounts', 'neobank_transfers', 'neobank_quotes'];

  /** A fixture to which others added ledger rows, tables, a trigger and a column of `jobs`. */
  function sharedFile(): string {
    const path = copyOf(CLEAN);
    writeByAnother(
      path,
      `insert into migrations (id, name, applied_at) values
         (2, '002_invoices', 1764700000), (7, '003_neobank', 1764800000);
       create table invoices (id TEXT PRIMARY KEY, job_id TEXT REFERENCES jobs(id), msats INTEGER);
       insert into invoices select 'inv-' || id, id, price_msats from jobs where status = 'completed';
       create table neobank_accounts (id INTEGER PRIMARY KEY, name, balance);
       insert into neobank_accounts values (1, 'é', 9223372036854775807), (9, null, 1.5);
       create table neobank_transfers (a, b, note, primary key (a, b)) without rowid;
       insert into neobank_transfers values (1, 9, x'00ff'), (9, 1, char(0) || 'x');
       create table neobank_quotes (pair TEXT, rate REAL);
       insert into neobank_quotes values ('BTC/EUR', 1e300), ('BTC/USD', -0.0);
       create index neobank_quotes_pair on neobank_quotes (pair);
       alter table jobs add column priority INTEGER DEFAULT 3;
       update jobs set priority = length(input_hash) where kind = 5100;
       create view neobank_owed as select sum(msats) as msats from invoices;`,
    );
    return path;
  }

  const theirRows = (path: string) => ({
    ...literals(path, 'invoices', 'neobank_accounts', 'neobank_quotes'),
    transfers: stored(path, 'select a, b, quote(note) as note from neobank_transfers'),
    priorities: stored(path, "select id, quote(priority) as p from jobs where id <> 'new'"),
    owed: stored(path, 'select * from neobank_owed'),
  });

  it('opens, migrates and works, and keeps them as they are', async () => {
    const path = sharedFile();
    const before = { rows: theirRows(path), schema: schema(path) };
    const ledger = stored(path, 'select * from migrations order by id');
    expect(Object.keys(before.rows)).toHaveLength(6);

    const db = await open(path);
    for (const [key, ask] of Object.entries(QUESTIONS)) {
      expect(await ask(db), key).toEqual(Reflect.get(ANSWERS, key));
    }
    const created = await db.jobs.create({ id: 'new', kind: 5100, customer_pubkey: 'b' });
    expect(created).not.toHaveProperty('priority');
    const completed = await db.jobs.complete('new', { price_msats: 5, output_hash: 'o' });
    expect(await db.jobs.listByStatus('completed', { limit: 1 })).toEqual([completed]);
    expect(await db.jobs.get('new')).toEqual(completed);
    await db.close();

    expect(theirRows(path)).toEqual(before.rows);
    expect(schema(path)).toEqual(expect.arrayContaining(before.schema));
    expect(stored(path, 'select * from migrations order by id')).toMatchObject([
      ...ledger,
      ...ours.map((name, i) => ({ id: 8 + i, name })),
    ]);
    expect(stored(path, "select priority from jobs where id = 'new'")).toEqual([{ priority: 3 }]);
    const tables = stored(path, "select name from sqlite_master where type = 'table'");
    for (const name of THEIRS) expect(tables).toContainEqual({ name });
  });

  it('answers when it is only read, with its bytes as they were', async () => {
    const path = sharedFile();
    const before = readFileSync(path);
    const db = await open(path, true);
    for (const [key, ask] of Object.entries(QUESTIONS)) {
      expect(await ask(db), key).toEqual(Reflect.get(ANSWERS, key));
    }
    await db.close();
    expect(readFileSync(path).equals(before)).toBe(true);
  });
});
