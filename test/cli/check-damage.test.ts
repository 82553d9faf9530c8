import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { check, type FoundJson, migratedFile } from './checked.js';
import { pylonDb } from './command.js';

/** Bytes of a page of the fixture. */
const PAGE_BYTES = 4096;

/** The number of a page that holds rows of a table, or entries of an index. */
function leafOf(path: string, name: string): number {
  const db = new Database(path);
  const leaf = "select min(pageno) from dbstat where name = ? and pagetype = 'leaf'";
  const page = Number(db.prepare(leaf).pluck().get(name));
  db.close();
  return page;
}

/** Overwrites such a page behind SQLite's back. */
function overwriteLeaf(path: string, name: string): void {
  const page = leafOf(path, name);
  const bytes = readFileSync(path);
  bytes.fill(0xff, (page - 1) * PAGE_BYTES, page * PAGE_BYTES);
  writeFileSync(path, bytes);
}

/** Changes a table while its index is hidden, so that the index lacks the change. */
function changeWithout(path: string, index: string, change: string): void {
  const db = new Database(path);
  db.unsafeMode();
  db.pragma('writable_schema = on');
  db.exec(`create temp table hidden as select * from sqlite_master where name = '${index}';
    delete from sqlite_master where name = '${index}'`);
  db.pragma('writable_schema = reset');
  db.exec(change);
  db.pragma('writable_schema = on');
  db.exec('insert into main.sqlite_master select * from hidden');
  db.close();
}

describe('check reports damage as a finding, and exits 4:', () => {
  it.each([
    ['jobs', 'table jobs'],
    ['earnings', 'table earnings'],
    ['tick_history', 'table tick_history'],
    ['idx_jobs_customer', 'index idx_jobs_customer of jobs'],
  ])(
    'a page of %s, which it names, and counts what SQLite says of it only',
    async (name, reported) => {
      const path = await migratedFile();
      overwriteLeaf(path, name);
      const { findings } = await check(path);
      expect(findings[0]).toMatchObject({
        check: 'integrity',
        severity: 'damage',
        problem: expect.stringMatching(
          new RegExp(`^SQLite finds \\d+ problems? in the file: in ${reported}`),
        ),
        rows: expect.arrayContaining([expect.stringMatching(`^${reported}: Tree \\d+ page \\d+`)]),
        mend: expect.stringContaining('restore the latest backup'),
        repairable: false,
      });
      const [{ rows, count }] = findings as [FoundJson];
      expect(count).toBeGreaterThanOrEqual(1);
      if (count <= rows.length) expect(rows).toHaveLength(count);
      expect(rows.join()).not.toContain('***');
    },
  );

  it('which checks could not be made, in a line each, without a stack', async () => {
    const path = await migratedFile();
    overwriteLeaf(path, 'jobs');
    const { exitCode, stdout, stderr } = await pylonDb(['check', '--db', path]);
    expect(exitCode).toBe(4);
    expect(stderr).toMatch(/^pylon-db: \S+: DAMAGE integrity: SQLite finds \d+ problems .*\n$/);
    expect(stdout).toMatch(
      /\nleft out +.*values of jobs.* \(the file is damaged: database disk image is malformed\)\n/,
    );
    expect(stdout).toMatch(
      /\nDAMAGE integrity: SQLite finds \d+ problems? in the file: in table jobs.*\n {2}\S/,
    );
    expect(stdout).not.toMatch(/\n\s+at /);
  });

  it('in quick and full depth as well', async () => {
    const path = await migratedFile();
    overwriteLeaf(path, 'earnings');
    for (const flag of ['--quick', '--full']) {
      const { findings, database } = await check(path, flag);
      expect(findings[0]).toMatchObject({ severity: 'damage' });
      expect(database).toMatchObject({ page_size: PAGE_BYTES });
    }
  });

  it('a row that goes on where no page is, so that its table can not be measured', async () => {
    const path = await migratedFile();
    const start = (leafOf(path, 'jobs') - 1) * PAGE_BYTES;
    const bytes = readFileSync(path);
    // The page's last cell, with others behind it; it begins with the length of its row.
    const cells = bytes.readUInt16BE(start + 3);
    bytes[start + bytes.readUInt16BE(start + 8 + 2 * (cells - 1))] = 0xff;
    writeFileSync(path, bytes);
    const { findings, database } = await check(path, '--full');
    expect(findings[0]).toMatchObject({ check: 'integrity', severity: 'damage' });
    expect(database).toMatchObject({ page_size: PAGE_BYTES, objects: null });
  });

  it('a file cut in half', async () => {
    const path = await migratedFile();
    truncateSync(path, 20 * PAGE_BYTES);
    const { findings } = await check(path);
    expect(findings[0]).toMatchObject({ check: 'integrity', severity: 'damage' });
  });

  it('a schema that can not be read', async () => {
    const path = await migratedFile();
    const db = new Database(path);
    db.unsafeMode();
    db.pragma('writable_schema = on');
    db.exec("update sqlite_master set sql = 'create nonsense' where name = 'idx_jobs_status'");
    db.close();
    const { findings, database } = await check(path);
    expect(findings).toMatchObject([
      { check: 'integrity', severity: 'damage', rows: [expect.stringContaining('malformed')] },
    ]);
    expect(database).toBeNull();
    const { exitCode, stdout } = await pylonDb(['check', '--db', path]);
    expect(exitCode).toBe(4);
    expect(stdout).toMatch(/\nsize +[\d.]+ KiB \+ 0 bytes in the WAL\n/);
  });

  it('rows that an index lacks, unless --quick', async () => {
    const path = await migratedFile();
    changeWithout(
      path,
      'idx_jobs_customer',
      "update jobs set customer_pubkey = 'moved' where rowid < 3",
    );
    const { findings } = await check(path);
    expect(findings).toMatchObject([
      {
        check: 'integrity',
        rows: expect.arrayContaining([
          expect.stringContaining('missing from index idx_jobs_customer'),
        ]),
        mend: expect.stringContaining('REINDEX'),
      },
    ]);
    expect((await check(path, '--quick')).ok).toBe(true);
  });

  it('and repairs nothing in it', async () => {
    const path = await migratedFile('delete from pylon_db_job_totals');
    changeWithout(
      path,
      'idx_jobs_customer',
      "update jobs set customer_pubkey = 'moved' where rowid < 3",
    );
    const bytes = readFileSync(path);
    const { findings, repaired } = await check(path, '--repair');
    expect(findings.map(({ check }) => check)).toEqual(['integrity', 'rollups']);
    expect(repaired).toEqual([]);
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });
});

describe('an older or drifted schema is not a stack trace:', () => {
  it.each([
    [
      'a published column that is gone',
      'alter table agents drop column goals_json',
      'values of agents',
      'there is no column agents.goals_json',
    ],
    [
      'a published table that is gone',
      'drop table tick_history',
      'tick-counts',
      'there is no table tick_history',
    ],
    [
      'a published table without rowids',
      `drop table tick_history;
       create table tick_history (id integer primary key, agent_npub text, tick_number integer,
         prompt_tokens integer, completion_tokens integer, actions_json text, cost_sats integer,
         duration_ms integer, created_at integer) without rowid`,
      'values of tick_history',
      "the schema doesn't fit: no such column: rowid",
    ],
  ])('%s', async (_, sql, left, reason) => {
    const { findings, skipped } = await check(await migratedFile(sql), '--repair');
    expect(findings.map(({ check }) => check)).toContain('schema');
    expect(skipped).toContainEqual({ check: left, reason });
  });

  it('a rollup table that is gone, until it is repaired', async () => {
    const file = await migratedFile('drop table pylon_db_job_totals');
    const { skipped } = await check(file);
    const reason = 'there is no table pylon_db_job_totals';
    expect(skipped).toContainEqual({ check: 'rollups', reason });
    await check(file, '--repair');
    expect(await check(file)).toMatchObject({ findings: [], skipped: [] });
  });
});
