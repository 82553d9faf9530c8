import { readFileSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readArguments } from '../../src/codegen/command-line.js';
import { codegen, databaseWith, freshFolder, PROJECT } from './project-copy.js';
import { JOBS } from './published-sql.js';

describe('refuses', () => {
  it.each([
    ['an unknown option', ['--chekc'], "Unknown option '--chekc'"],
    ['a stray word', ['live.db'], "Unexpected argument 'live.db'"],
    ['--db without its value', ['--db'], '--db'],
    ['--db without --out', ['--db', 'live.db'], '--db needs --out'],
    ['--out without --db', ['--out', 'db.ts'], '--out needs --db'],
    ['an empty --db', ['--db', '', '--out', 'db.ts'], '--out needs --db'],
    ['an empty --out', ['--db', 'a.db', '--out', ''], '--db needs --out'],
    ['an --out that is no TypeScript file', ['--db', 'a.db', '--out', 'a.db'], 'TypeScript'],
    ['a value for --check', ['--check=yes'], '--check'],
  ])('%s', (_, args, problem) => {
    expect(() => readArguments(args)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(problem),
        hint: expect.stringContaining('npm run codegen -- '),
      }),
    );
  });

  it('the database itself as --out, by any way to it', async () => {
    const database = databaseWith(JOBS);
    const odd = join(freshFolder(), 'odd.ts');
    renameSync(database, odd);
    expect(() => readArguments(['--db', odd, '--out', join(odd, '..', '.', 'odd.ts')])).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });
});

it('takes --out from the current folder', () => {
  expect(readArguments(['--db', 'a.db', '--out', 'x/db.ts', '--check'])).toEqual({
    check: true,
    other: { database: 'a.db', outFile: resolve('x/db.ts') },
  });
});

describe('the command', () => {
  it('reports a bad argument and its fix in one line and exits 2', async () => {
    const before = readFileSync(join(PROJECT, 'generated/db.ts'), 'utf8');
    expect(await codegen(PROJECT, 'live.db')).toEqual({
      exitCode: 2,
      stdout: '',
      stderr:
        "codegen: Unexpected argument 'live.db'. " +
        'Call it as: npm run codegen -- [--check] [--db PATH --out FILE.ts]\n',
    });
    expect(readFileSync(join(PROJECT, 'generated/db.ts'), 'utf8')).toBe(before);
  });

  it('shows how to call it with --help', async () => {
    const { exitCode, stdout } = await codegen(PROJECT, '--help');
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining('npm run codegen')]);
  });
});
