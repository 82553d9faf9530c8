import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { fill, NO_TMPFS, smallDisk } from '../small-disk.js';
import { codegen, databaseWith, freshFolder, PROJECT } from './project-copy.js';
import { JOBS } from './published-sql.js';

describe('codegen:check of another live file', () => {
  it('fails when the file changed, in either direction', async () => {
    const database = databaseWith(JOBS);
    const out = join(freshFolder(), 'new/folder/db.ts');
    const args = ['--db', database, '--out', out];
    expect((await codegen(PROJECT, ...args)).exitCode).toBe(0);
    expect((await codegen(PROJECT, ...args, '--check')).exitCode).toBe(0);

    run(database, 'alter table jobs add column colour text');
    const added = await codegen(PROJECT, ...args, '--check');
    expect(added.stderr).toContain('+  colour: string | null;');
    expect(added.exitCode).toBe(3);

    run(database, 'alter table jobs drop column colour; alter table jobs drop column output_hash');
    const dropped = await codegen(PROJECT, ...args, '--check');
    expect(dropped.stderr).toContain('-  output_hash: string | null;');
    expect(dropped.exitCode).toBe(3);
  });

  it('reads what a writer committed but has not moved out of its log', async () => {
    const path = join(freshFolder(), 'live.db');
    const writer = new Database(path);
    writer.pragma('journal_mode = wal');
    writer.exec(JOBS);
    const out = join(freshFolder(), 'db.ts');
    expect((await codegen(PROJECT, '--db', path, '--out', out)).exitCode).toBe(0);
    writer.close();
    expect(readFileSync(out, 'utf8')).toContain('export interface Jobs {');
  });

  it.each([[[]], [['--check']]])('makes no file where there is none (%s)', async (extra) => {
    const folder = freshFolder();
    const database = join(folder, 'mistyped.db');
    const out = join(folder, 'db.ts');
    const { exitCode, stderr } = await codegen(PROJECT, '--db', database, '--out', out, ...extra);
    expect(stderr).toMatch(/^codegen: there is no file: .*mistyped\.db\. Check the path\.\n$/);
    expect(exitCode).toBe(1);
    expect([existsSync(database), existsSync(out)]).toEqual([false, false]);
  });

  it('on a full disk says what reading needs there, and the way out', async (context) => {
    const disk = smallDisk(1024 * 1024);
    if (disk === undefined) return context.skip(NO_TMPFS);
    const database = join(disk, 'pylon.db');
    const writer = new Database(database);
    writer.pragma('journal_mode = wal');
    writer.exec(JOBS);
    writer.close();
    fill(disk);
    const out = join(freshFolder(), 'db.ts');
    const { exitCode, stderr } = await codegen(PROJECT, '--db', database, '--out', out);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /^codegen: \S+ can't be opened: SQLite must write a -wal and -shm next to it, and the disk is full\. .*copy it.*\n$/,
    );
  });

  it.each([
    ['without tables', () => databaseWith('pragma user_version = 1')],
    ['of zero bytes', () => emptyFile()],
  ])('fails for a file %s, checking or not', async (_, make) => {
    const database = make();
    const before = readFileSync(database);
    const out = join(freshFolder(), 'db.ts');
    for (const extra of [[], ['--check']]) {
      const { exitCode, stderr } = await codegen(PROJECT, '--db', database, '--out', out, ...extra);
      expect(stderr).toMatch(/^codegen: the database has no tables\. .*\n$/);
      expect(exitCode).toBe(3);
    }
    expect(existsSync(out)).toBe(false);
    expect(readFileSync(database).equals(before)).toBe(true);
  });

  it('refuses a file that is not a database', async () => {
    const text = join(freshFolder(), 'notes.txt');
    writeFileSync(
      text,
      'These are notes and not a database, and long enough for a header. '.repeat(20),
    );
    const out = join(freshFolder(), 'db.ts');
    const { exitCode, stderr } = await codegen(PROJECT, '--db', text, '--out', out);
    expect(stderr).toMatch(/^codegen: this is not a SQLite database: .*notes\.txt\. .*\n$/);
    expect(exitCode).toBe(1);
  });
});

function run(path: string, sql: string): void {
  const database = new Database(path);
  database.exec(sql);
  database.close();
}

function emptyFile(): string {
  const path = join(freshFolder(), 'zero.db');
  writeFileSync(path, '');
  return path;
}
