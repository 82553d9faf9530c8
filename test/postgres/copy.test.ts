import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { json, publishedFile, pylonDb } from '../cli/command.js';
import { fuzzSeed, Random } from '../faults/random.js';
import { literals, PUBLISHED_TABLES, stored, testFile, writeByAnother } from '../file.js';
import { freshTotals, rollupTotals } from '../migrate/fresh-aggregate.js';
import { temporaryFolder } from '../temporary.js';
import { allExports, copy, exportOf } from './copied.js';
import { connected, describeOnServer } from './own-server.js';
import { randomFile } from './random-file.js';

const SEED = fuzzSeed();

/** An own migrated copy of the published fixture. */
async function fixture(): Promise<string> {
  const path = publishedFile(temporaryFolder());
  await (await PylonDb.open(path)).close();
  return path;
}

function newFile(): string {
  return join(temporaryFolder(), 'new.db');
}

async function jobLines(database: string): Promise<string[]> {
  const selection = { tables: ['jobs'] } as const;
  const rows = await exportOf(database, { selection, format: 'csv', includeSecrets: true });
  return rows.split('\r\n').sort();
}

/** All values, without the hidden rowids: those are counted anew. */
function values(path: string) {
  return Object.entries(literals(path, ...PUBLISHED_TABLES, 'migrations')).map(([table, rows]) => [
    table,
    rows.map((row) => row.replace(/^rowid=-?\d+ /, '')),
  ]);
}

describeOnServer('copy', (own) => {
  async function counts(url: string): Promise<unknown> {
    const client = await connected(url);
    const { rows } = await client.query(
      `select (select count(*) from jobs) + (select count(*) from earnings)
       + (select count(*) from agents) + (select count(*) from tick_history) as rows`,
    );
    return rows[0];
  }

  it('copies the published fixture to a server and back, and all three export the same', async () => {
    const [file, url, back] = [await fixture(), await own.freshSchema(), newFile()];
    const there = await copy(file, url);
    expect(await copy(url, back)).toEqual(there);
    const exports = await allExports(file);
    expect(await allExports(url)).toEqual(exports);
    expect(await allExports(back)).toEqual(exports);
    expect(values(back)).toEqual(values(file));
  });

  it(`keeps every value and the order of random rows (seed ${SEED})`, async () => {
    const [file, url, back] = [
      await randomFile(new Random(SEED)),
      await own.freshSchema(),
      newFile(),
    ];
    await copy(file, url);
    await copy(url, back);
    expect(values(back)).toEqual(values(file));
    expect(await allExports(url)).toEqual(await allExports(file));
  });

  it('copies from server to server and from file to file', async () => {
    const [file, url, other, last] = [
      await fixture(),
      await own.freshSchema(),
      await own.freshSchema(),
      newFile(),
    ];
    await copy(file, url);
    await copy(url, other);
    await copy(file, last);
    expect(await allExports(other)).toEqual(await allExports(url));
    expect(values(last)).toEqual(values(file));
  });

  it('copies a text of 10 MB', async () => {
    const { path, db } = await testFile();
    const text = JSON.stringify('grün\t\\ '.repeat(1_300_000));
    await db.agents.upsert({ npub: 'a', name: 'A', lifecycle_state: 'active', memory_json: text });
    const [url, back] = [await own.freshSchema(), newFile()];
    await copy(path, url);
    await copy(url, back);
    expect(stored(back, 'select memory_json = ? as same from agents', text)).toEqual([{ same: 1 }]);
  });

  it('keeps the rollups of a file right', async () => {
    const [file, url, back] = [await fixture(), await own.freshSchema(), newFile()];
    await copy(file, url);
    await copy(url, back);
    const db = new Database(back);
    try {
      expect(rollupTotals(db)).toEqual(freshTotals(db));
    } finally {
      db.close();
    }
  });

  it('goes on with tick ids behind those that the source gave, deleted ones too', async () => {
    const [file, url, back] = [await fixture(), await own.freshSchema(), newFile()];
    writeByAnother(file, 'delete from tick_history where id > 490');
    const last = stored(file, "select seq from sqlite_sequence where name = 'tick_history'");
    await copy(file, url);
    await copy(url, back);
    expect(stored(back, "select seq from sqlite_sequence where name = 'tick_history'")).toEqual(
      last,
    );
    for (const database of [url, back]) {
      await using db = await PylonDb.open(database);
      const [agent] = await db.agents.listAll();
      const tick = await db.agents.recordTick(agent?.npub ?? '', { tick_number: 10_000 });
      expect([{ seq: tick.id - 1 }]).toEqual(last);
    }
  });

  it.each([
    ['text with NUL', "update jobs set error_message = 'a' || char(0) where id = :id", 'jobs'],
    ['a fraction', 'update jobs set price_msats = 1.5 where id = :id', 'jobs'],
    ['an integer beyond 64 bits', 'update jobs set price_msats = 1e19 where id = :id', 'jobs'],
    ['text for a number', "update jobs set kind = 'many' where id = :id", 'jobs'],
    ['a BLOB', "update jobs set input_hash = x'00ff' where id = :id", 'jobs'],
    [
      'text that is no UTF-8',
      "update jobs set input_hash = cast(x'61ff' as text) where id = :id",
      'jobs',
    ],
    ['a status of its own', "update jobs set status = 'lost' where id = :id", 'jobs'],
    ['a missing job', "update earnings set job_id = 'gone' where id = :id", 'earnings'],
    [
      'a key that no index holds',
      'update jobs set customer_pubkey = hex(randomblob(5000)) where id = :id',
      'jobs',
    ],
  ])('refuses %s, names table and key, and copies nothing', async (_, sql, table) => {
    const [file, url] = [await fixture(), await own.freshSchema()];
    const [row] = stored(file, `select id from ${table} order by rowid desc limit 1 offset 20`);
    const id = String(Reflect.get(row ?? {}, 'id'));
    writeByAnother(file, sql.replace(':id', `'${id}'`));
    await expect(copy(file, url)).rejects.toMatchObject({
      code: 'CORRUPT_ROW',
      table,
      key: id,
      message: expect.stringContaining(`row ${id} of ${table} can't be copied`),
      hint: expect.stringContaining('pylon-db check'),
    });
    expect(await counts(url)).toEqual({ rows: '0' });
  });

  it('refuses a row without a key', async () => {
    const [file, url] = [await fixture(), await own.freshSchema()];
    writeByAnother(
      file,
      `update jobs set id = null where rowid = (select max(rowid) from jobs
       where id not in (select job_id from earnings where job_id is not null))`,
    );
    await expect(copy(file, url)).rejects.toMatchObject({ code: 'CORRUPT_ROW', key: 'NULL' });
  });

  it("copies nothing into a file that refuses a server's row", async () => {
    const { url, outside } = await own.open();
    const path = newFile();
    await outside.query(
      "insert into agents (npub, name, lifecycle_state) values ('a', 'A', 'active'), ('b', 'B', 'active')",
    );
    // The key there is agent and id, so ids may come twice.
    await outside.query(
      "insert into tick_history (id, agent_npub, tick_number) values (5, 'a', 1), (5, 'b', 1)",
    );
    await expect(copy(url, path)).rejects.toMatchObject({
      code: 'CORRUPT_ROW',
      table: 'tick_history',
      key: '5',
    });
    expect(stored(path, 'select count(*) as agents from agents')).toEqual([{ agents: 0 }]);
  });

  it('refuses destinations with rows, and changes nothing of them', async () => {
    const [file, url] = [await fixture(), await own.freshSchema()];
    const other = publishedFile(temporaryFolder());
    const before = values(other);
    await expect(copy(file, other)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      field: 'to',
    });
    expect(values(other)).toEqual(before);
    await copy(file, url);
    const exports = await allExports(url);
    await expect(copy(file, url)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', field: 'to' });
    expect(await allExports(url)).toEqual(exports);
  });

  it('creates no file where the source is refused', async () => {
    const path = newFile();
    await expect(copy(await own.freshSchema(), path)).rejects.toMatchObject({
      code: 'SCHEMA_MISMATCH',
    });
    expect(existsSync(path)).toBe(false);
  });

  it('rolls back when what was stored differs from what was read', async () => {
    const { url, outside } = await own.open();
    await outside.query(
      `create function spoil() returns trigger language plpgsql as
       $$ begin new.kind = new.kind + 1; return new; end $$`,
    );
    await outside.query(
      'create trigger spoil before insert on jobs for each row execute function spoil()',
    );
    await expect(copy(await fixture(), url)).rejects.toMatchObject({ code: 'CORRUPT' });
    expect(await counts(url)).toEqual({ rows: '0' });
  });

  it('refuses a source with more than is published, names all of it, and touches no destination', async () => {
    const { url, outside } = await own.open();
    await outside.query('create table notes (text text); alter table jobs add column mood text');
    await outside.query("insert into migrations (name) values ('020_notes')");
    const path = newFile();
    const outcome = await pylonDb(['copy', '--from', url, '--to', path, '--quiet']);
    expect(outcome).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(
        /tables notes; columns jobs\.mood; migrations 020_notes.*--published-only/,
      ),
    });
    expect(existsSync(path)).toBe(false);
  });

  it('with --published-only leaves that behind, and says so', async () => {
    const [file, url] = [await fixture(), await own.freshSchema()];
    writeByAnother(file, 'create table notes (text); alter table jobs add column mood text');
    writeByAnother(file, "insert into migrations (name) values ('020_notes')");
    const answer = await json(['copy', '--from', file, '--to', url, '--published-only']);
    expect(answer).toMatchObject({
      from: file,
      left_behind: { tables: ['notes'], columns: ['jobs.mood'], migrations: ['020_notes'] },
      tables: { jobs: { rows: 200, checksum: expect.stringMatching(/^[0-9a-f]{64}$/) } },
    });
  });

  it("copies next to another program's table that refers to ours", async () => {
    const { url, outside } = await own.open();
    await outside.query('create table notes (job text references jobs)');
    const file = await fixture();
    await copy(file, url);
    // It can't begin the table anew, so rows may lie in another order.
    expect(await jobLines(url)).toEqual(await jobLines(file));
  });

  it('copies one state of a file that others write', async () => {
    const { path, db } = await testFile();
    const url = await own.freshSchema();
    let goesOn = true;
    let written = 0;
    const writing = (async () => {
      for (; goesOn && written < 100_000; written++) {
        const id = `job-${written}`;
        await db.transaction(async (tx) => {
          await tx.jobs.create({ id, kind: 1, customer_pubkey: 'c' });
          await tx.earnings.record({ id: `e-${id}`, job_id: id, amount_msats: 1, source: 'job' });
        });
      }
    })();
    const report = await copy(path, url);
    const before = written;
    goesOn = false;
    await writing;
    expect(before).toBeGreaterThan(0);
    expect(report.tables['jobs']?.rows).toBe(report.tables['earnings']?.rows);
  });

  it('never shows a password', async () => {
    const url = own.server
      .url()
      .replace('postgres@', 'postgres:s3cret@')
      .replace(/:\d+\//, ':1/');
    const file = await fixture();
    for (const args of [
      ['--from', file, '--to', url],
      ['--from', url, '--to', newFile()],
    ]) {
      const outcome = await pylonDb(['copy', ...args, '--debug']);
      expect(outcome.exitCode).toBe(1);
      expect(outcome.stderr + outcome.stdout).not.toContain('s3cret');
    }
  });
});
