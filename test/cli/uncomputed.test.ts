import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { check, migratedFile } from './checked.js';
import { pylonDb } from './command.js';

/** A value that SQLite can't compute here: another build may have a higher limit. */
const TOO_LONG = '2000000000';

/** Changes the SQL of an object, as if a program with other limits had made it. */
function rewrite(path: string, name: string, from: string, to: string): void {
  const db = new Database(path);
  db.unsafeMode();
  db.pragma('writable_schema = on');
  db.prepare('update sqlite_master set sql = replace(sql, ?, ?) where name = ?').run(
    from,
    to,
    name,
  );
  db.close();
}

/** A file of which one generated column can't be computed; an index of it makes it worse. */
async function fileWith(table: 'jobs' | 'theirs', index = ''): Promise<string> {
  const create =
    table === 'jobs'
      ? `alter table jobs add column size integer default 5;
         alter table jobs add column big as (size);
         update jobs set size = ${TOO_LONG} where rowid = 1;`
      : `create table theirs (id integer primary key, size, big as (size));
         insert into theirs (size) values (${TOO_LONG});`;
  const path = await migratedFile(create + index);
  rewrite(path, table, 'as (size)', `as (zeroblob(size))${index === '' ? ' not null' : ''}`);
  return path;
}

const INDEX = 'create index theirs_big on theirs (big);';

describe('a generated column that SQLite cannot compute', () => {
  it.each(['jobs', 'theirs'] as const)('is named by check, in %s', async (table) => {
    const path = await fileWith(table);
    const { findings } = await check(path);
    expect(findings).toMatchObject([
      {
        check: 'integrity',
        severity: 'wrong',
        problem: expect.stringContaining(`${table}.big can't be computed`),
        rows: ['big'],
      },
    ]);
  });

  it('hides no damage of other tables from check', async () => {
    const path = await fileWith('theirs');
    const db = new Database(path);
    db.unsafeMode();
    db.pragma('writable_schema = on');
    db.exec(`create temp table hidden as select * from sqlite_master where name = 'idx_jobs_customer';
      delete from sqlite_master where name = 'idx_jobs_customer'`);
    db.pragma('writable_schema = reset');
    db.exec("update jobs set customer_pubkey = 'moved' where rowid < 3");
    db.pragma('writable_schema = on');
    db.exec('insert into main.sqlite_master select * from hidden');
    db.close();
    const { findings } = await check(path);
    expect(findings.map(({ severity }) => severity)).toEqual(['damage', 'wrong']);
  });

  it.each([
    ['in jobs', 'jobs', ''],
    ['of another program', 'theirs', ''],
    ['with an index', 'theirs', INDEX],
  ] as const)(
    '%s keeps no backup from being made, verified and restored',
    async (_, table, index) => {
      const path = await fileWith(table, index);
      const backup = join(dirname(path), 'copy.db');
      for (const args of [
        ['backup', backup],
        ['backup', 'verify', backup],
        ['restore', backup],
      ]) {
        const { exitCode, stderr } = await pylonDb([...args, '--db', path]);
        expect(exitCode, stderr).toBe(0);
      }
      rmSync(backup);
    },
  );

  it('is named by vacuum, which has to compute it', async () => {
    const path = await fileWith('theirs', INDEX);
    const { exitCode, stderr } = await pylonDb(['vacuum', '--db', path, '--json']);
    expect(exitCode).toBe(1);
    const { error } = JSON.parse(stderr);
    expect(error.code).toBe('SCHEMA_MISMATCH');
    expect(error.message).toContain("theirs.big can't be computed");
  });

  it.each([
    ['query', ['query', 'select * from theirs']],
    ['export', ['export', '--sql', 'select * from theirs']],
  ])('is not a fault of the SQL that %s was given', async (_, args) => {
    const path = await fileWith('theirs');
    const { stderr } = await pylonDb([...args, '--db', path, '--json']);
    const { error } = JSON.parse(stderr);
    expect(error.code).toBe('OUT_OF_RANGE');
    expect(error.hint).toContain('generated column');
  });
});

describe('a table of more columns than SQLite takes here', () => {
  it.each(['check', 'backup', 'info'])('is named by %s', async (command) => {
    const path = await migratedFile('create table theirs (id integer primary key)');
    const columns = Array.from({ length: 2500 }, (_, i) => `c${i}`).join(', ');
    rewrite(path, 'theirs', 'primary key', `primary key, ${columns}`);
    const { exitCode, stdout, stderr } = await pylonDb([command, '--db', path]);
    expect(exitCode).toBe(4);
    expect(stdout + stderr).toContain('too many columns on theirs');
  });
});
