import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { EMPTY_LIST, withEntry } from '../../src/cli/migrate/index-file.js';
import { temporaryFolder } from '../temporary.js';
import { contents, publishedFile, pylonDb, pylonDbUnderTsx } from './command.js';

const KYSELY = fileURLToPath(new URL('../../node_modules/kysely', import.meta.url));

async function create(name: string, dir: string) {
  return await pylonDb(['migrate', 'create', name, '--dir', dir]);
}

describe('migrate create', () => {
  it('writes a migration that throws until it is edited, and lists it', async () => {
    const folder = temporaryFolder();
    const path = publishedFile(folder);
    const dir = join(folder, 'src', 'migrations');
    expect(await create('add_priority', dir)).toEqual({
      exitCode: 0,
      stdout: `created ${join(dir, '002_add_priority.ts')}\nlisted in ${join(dir, 'index.ts')}\n`,
      stderr: '',
    });
    const own = ['--migrations', join(dir, 'index.ts'), '--db', path];
    const up = await pylonDbUnderTsx(['migrate', 'up', ...own]);
    expect(up.exitCode).toBe(1);
    expect(up.stdout).not.toContain('002_add_priority');
    expect(up.stderr).toMatch(/002_add_priority failed: up\(\) is still as the template has it/);
    const db = new Database(path, { readonly: true });
    expect(db.prepare("select 1 from migrations where name = '002_add_priority'").all()).toEqual(
      [],
    );
    db.close();
  });

  it('writes a template whose example works once its comments and throws are taken out', async () => {
    const folder = temporaryFolder();
    const path = publishedFile(folder);
    const dir = join(folder, 'migrations');
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(KYSELY, join(folder, 'node_modules', 'kysely'));
    await create('add_priority', dir);
    const file = join(dir, '002_add_priority.ts');
    writeFileSync(
      file,
      readFileSync(file, 'utf8')
        .replace(/^ {2}throw .*\n/gm, '')
        .replace(/^ {2}\/\/ /gm, '  '),
    );
    const own = ['--migrations', join(dir, 'index.ts'), '--db', path];
    const columns = () => {
      const db = new Database(path, { readonly: true });
      const names = db.prepare("select name from pragma_table_info('jobs')").pluck().all();
      db.close();
      return names;
    };
    expect((await pylonDbUnderTsx(['migrate', 'up', ...own])).exitCode).toBe(0);
    expect(columns()).toContain('priority');
    expect((await pylonDbUnderTsx(['migrate', 'down', ...own])).exitCode).toBe(0);
    expect(columns()).not.toContain('priority');
  });

  it('takes the number after the highest of folder and list, and keeps what is there', async () => {
    const dir = temporaryFolder();
    const list = `// ours\n${EMPTY_LIST.replace('};', "  '011_elsewhere': () => import('../x.js'),\n};")}export const more = 1;\n`;
    writeFileSync(join(dir, 'index.ts'), list);
    writeFileSync(join(dir, '004_invoices.sql'), '');
    expect((await create('next', dir)).exitCode).toBe(0);
    expect(readdirSync(dir).sort()).toEqual(['004_invoices.sql', '012_next.ts', 'index.ts']);
    expect(readFileSync(join(dir, 'index.ts'), 'utf8')).toBe(
      list.replace('\n};', "\n  '012_next': () => import('./012_next.js'),\n};"),
    );
  });

  it.each([
    ['an upper-case name', 'AddPriority', 'add_priority'],
    ['a path', '../evil', 'add_priority'],
    ['a number of its own', '002_add', 'Leave the number out'],
    ["a name like pylon-db's own", 'pylon_db_more', 'another name'],
    ['an empty name', '', 'add_priority'],
    ['a name that no folder likes', 'a'.repeat(61), 'at most 60'],
  ])('refuses %s and writes nothing', async (_, name, fix) => {
    const folder = temporaryFolder();
    const { exitCode, stdout, stderr } = await create(name, join(folder, 'migrations'));
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^pylon-db: [^\n]+\n$/);
    expect(stderr).toContain(fix);
    expect(contents(folder)).toEqual({});
  });

  it('leaves a list that it does not understand, and writes nothing', async () => {
    const dir = temporaryFolder();
    writeFileSync(join(dir, 'index.ts'), "export * from './other.js';\n");
    const before = contents(dir);
    const { exitCode, stderr } = await create('next', dir);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('export const migrations')]);
    expect(contents(dir)).toEqual(before);
  });

  it('says so when the folder is a file', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'file'), '');
    const { exitCode, stderr } = await create('next', join(folder, 'file'));
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/^pylon-db: [^\n]+\n$/)]);
  });
});

describe('a list with one more entry', () => {
  const entry = "  'n': () => import('./n.js'),\n";
  it.each([
    ['an empty object in one line', 'export const migrations = {};', `{\n${entry}};`],
    [
      'an entry without a comma',
      "export const migrations = {\n  'a': f\n};\n",
      `  'a': f,\n${entry}};\n`,
    ],
    [
      'a comment after the last entry',
      'export const migrations = {\n  a: f // no } yet\n};',
      `  a: f, // no } yet\n${entry}};`,
    ],
    [
      'braces in entries, strings and types',
      "export const migrations: Record<string, () => Promise<{ up(): void }>> = {\n  'a}': async () => ({ up() {} }),\n} satisfies X;",
      `  'a}': async () => ({ up() {} }),\n${entry}} satisfies X;`,
    ],
  ])('keeps %s', (_, source, end) => {
    const listed = withEntry(source, 'n', 'index.ts');
    expect(listed.endsWith(end)).toBe(true);
  });
});
