import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { reported } from './table.js';

const ROOT = join(import.meta.dirname, '../..');

interface Listed {
  readonly version?: string;
  readonly path?: string;
  readonly extraneous?: boolean;
  readonly invalid?: unknown;
  readonly missing?: boolean;
  readonly problems?: readonly string[];
  readonly dependencies?: Readonly<Record<string, Listed>>;
}

/** Every package of the tree, as often as it is listed. */
function* packagesIn(tree: Listed): Generator<readonly [name: string, listed: Listed]> {
  for (const [name, listed] of Object.entries(tree.dependencies ?? {})) {
    yield [name, listed];
    yield* packagesIn(listed);
  }
}

describe('npm ls', () => {
  it('finds nothing extraneous, missing or invalid, and one copy of each engine', async () => {
    // It exits with 1 for any problem.
    const { stdout } = await promisify(execFile)('npm', ['ls', '--all', '--json', '--long'], {
      cwd: ROOT,
      maxBuffer: 2 ** 26,
    });
    const tree: Listed = JSON.parse(stdout);
    expect(tree.problems ?? []).toEqual([]);
    const packages = [...packagesIn(tree)];
    const bad = packages.filter(([, listed]) => listed.extraneous || listed.invalid);
    expect(bad.map(([name]) => name)).toEqual([]);
    const unique = new Set(packages.map(([name, { version }]) => `${name}@${version}`));
    for (const engine of ['kysely', 'better-sqlite3', 'umzug']) {
      const copies = packages.filter(([name, { version }]) => name === engine && version);
      expect(new Set(copies.map(([, { path }]) => path)).size, engine).toBe(1);
    }
    reported('npm ls', {
      tried: `${unique.size} packages`,
      figure: '0 extraneous, missing or invalid; 1 copy of kysely, better-sqlite3, umzug',
    });
  });
});

/** Code that would run text from elsewhere: as JavaScript, or in a shell. */
const RUNS_TEXT: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['eval', /\beval\s*\(/],
  ['new Function', /\bFunction\s*\(/],
  ['node:vm', /['"](node:)?vm['"]/],
  ['exec or execSync, which take a shell line', /\bexec(Sync)?\s*\((?!\))/],
  ['a shell option', /\bshell\s*:/],
  ['a shell', /\b(spawn|execFile)(Sync)?\s*\(\s*['"]([\w/]*\/)?\w*sh['"]/],
  ['sh -c', /['"]-\w*c['"]/],
  ['a timer of text', /\bset(Timeout|Interval)\s*\(\s*['"`]/],
];

describe('the sources', () => {
  it('hold no eval and no shell strings', () => {
    const files = ['src', 'migrations'].flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => join(folder, name)),
    );
    expect(files.length).toBeGreaterThan(50);
    const found: string[] = [];
    for (const file of files) {
      for (const line of readFileSync(join(ROOT, file), 'utf8').split('\n')) {
        if (/^\s*(\/\/|\*|\/\*)/.test(line)) continue;
        for (const [name, pattern] of RUNS_TEXT) {
          // A database's and a regular expression's exec run no shell.
          if (pattern.test(line) && !/\.exec\(/.test(line)) found.push(`${file}: ${name}: ${line}`);
        }
      }
    }
    expect(found).toEqual([]);
    reported('code that runs text', { tried: `${files.length} source files`, figure: '0 places' });
  });
});
