import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import {
  COMMAND_TIMEOUT_MS,
  codegen,
  databaseWith,
  edit,
  freshFolder,
  projectCopy,
} from './project-copy.js';
import { JOBS } from './published-sql.js';

const PROJECT = process.cwd();

describe('codegen:check of our own migrations', { timeout: COMMAND_TIMEOUT_MS }, () => {
  it('passes after npm run codegen and writes nothing', async () => {
    const project = projectCopy();
    expect(await codegen(project)).toMatchObject({ exitCode: 0, stderr: '' });
    rmSync(join(project, 'generated'), { recursive: true });
    expect((await codegen(project, '--check')).exitCode).toBe(3);
    expect(existsSync(join(project, 'generated'))).toBe(false);
    expect((await codegen(project)).exitCode).toBe(0);
    expect(await codegen(project, '--check')).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it.each([
    ['a changed CHECK', "'failed', 'cancelled')", "'failed', 'lost')", '+  | .*lost|lost'],
    [
      'a new column',
      "'input_hash', 'text')",
      "'input_hash', 'text').addColumn('colour', 'text')",
      '^\\+ {2}colour: string \\| null;$',
    ],
    [
      'a removed column',
      "    .addColumn('input_hash', 'text')\n",
      '',
      '^- {2}input_hash: string \\| null;$',
    ],
    [
      'a changed type',
      "'input_hash', 'text'",
      "'input_hash', 'integer'",
      '^\\+ {2}input_hash: number \\| null;$',
    ],
  ])('fails after %s in a migration, with a diff', async (_, from, to, line) => {
    const project = projectCopy();
    await codegen(project);
    edit(join(project, 'migrations/001_initial_schema.ts'), from, to);
    const { exitCode, stderr } = await codegen(project, '--check');
    expect(stderr).toMatch(new RegExp(line, 'm'));
    expect(stderr).toContain('generated/db.ts: differs from the schema');
    expect(stderr).toContain('generated/schema.sql: differs from the schema');
    expect(stderr).toContain('npm run codegen');
    expect(exitCode).toBe(3);
  });

  it.each([
    ['db.ts', '  kind: number;\n', '  kind: string;\n', '-  kind: string;\n+  kind: number;\n'],
    [
      'schema.sql',
      '"kind" integer',
      '"kind" text',
      '-  "kind" text not null,\n+  "kind" integer not null,\n',
    ],
  ])('fails after an edit of generated/%s, with a diff', async (name, from, to, diff) => {
    const project = projectCopy();
    await codegen(project);
    const file = join(project, 'generated', name);
    edit(file, from, to);
    const edited = readFileSync(file, 'utf8');
    const { exitCode, stderr } = await codegen(project, '--check');
    expect(stderr).toContain(diff);
    expect(exitCode).toBe(3);
    expect(readFileSync(file, 'utf8')).toBe(edited);
  });

  it('fails after a change of white space alone', async () => {
    const project = projectCopy();
    await codegen(project);
    appendFileSync(join(project, 'generated/db.ts'), '\n');
    const { exitCode, stderr } = await codegen(project, '--check');
    expect(stderr).toContain('white space');
    expect(exitCode).toBe(3);
  });

  it('tells the statement of a failing migration in one line and removes its database', async () => {
    const project = projectCopy();
    edit(
      join(project, 'migrations/001_initial_schema.ts'),
      "createTable('jobs')",
      "createTable('migrations')",
    );
    const { exitCode, stderr } = await codegen(project);
    expect(stderr).toMatch(/^.*migrations.*already exists.*\n$/);
    expect(exitCode).toBe(1);
  });
});

describe('codegen:check of another live file', { timeout: COMMAND_TIMEOUT_MS }, () => {
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

  it('refuses a file that is no database', async () => {
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

describe('arguments', { timeout: COMMAND_TIMEOUT_MS }, () => {
  it.each([
    ['an unknown option', ['--chekc'], "Unknown option '--chekc'"],
    ['a stray word', ['live.db'], "Unexpected argument 'live.db'"],
    ['--db without its value', ['--db'], '--db'],
    ['--db without --out', ['--db', 'live.db'], '--db needs --out'],
    ['--out without --db', ['--out', 'db.ts'], '--out needs --db'],
    ['an empty --db', ['--db', '', '--out', 'db.ts'], '--out needs --db'],
    ['an --out that is no TypeScript file', ['--db', 'a.db', '--out', 'a.db'], 'TypeScript'],
  ])('refuses %s with the fix in one line', async (_, args, problem) => {
    const { exitCode, stderr, stdout } = await codegen(PROJECT, ...args);
    expect(stderr).toContain(problem);
    expect(stderr).toMatch(/^codegen: .* Call it as: npm run codegen -- .*\n$/);
    expect([exitCode, stdout]).toEqual([2, '']);
  });

  it('never writes over the database, whatever its name', async () => {
    const folder = freshFolder();
    const database = join(folder, 'odd.ts');
    const connection = new Database(database);
    connection.exec(JOBS);
    connection.close();
    const before = readFileSync(database);
    const out = join(folder, '.', 'odd.ts');
    expect((await codegen(PROJECT, '--db', database, '--out', out)).exitCode).toBe(2);
    expect(readFileSync(database).equals(before)).toBe(true);
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
