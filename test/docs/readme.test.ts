import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { Program } from '../faults/program.js';
import { temporaryFolder } from '../temporary.js';
import { anchors, codeBlocks, commands, PROJECT, readProject } from './markdown.js';
import { ServiceProject } from './service-project.js';

const isMarkdown = (name: string) => name.endsWith('.md');
const readme = readProject('README.md');
const blocks = codeBlocks(readme);
const bundledDemo = new Program(join(PROJECT, 'src/demo/main.ts'));
const shownDemo = blocks.find(({ language }) => language === 'text')?.text ?? '';

describe('the demo', () => {
  it('prints what README shows, byte for byte, also where it ran before, and commands that work', async () => {
    const service = new ServiceProject(temporaryFolder());
    const first = service.run('tsx', join(PROJECT, 'src/demo/main.ts'));
    expect(first).toEqual({ exitCode: 0, stdout: shownDemo, stderr: '' });
    expect(service.run('node', await bundledDemo.path)).toEqual(first);
    expect(existsSync(join(service.folder, '.demo/pylon.db'))).toBe(true);
    expectCommandsToWork(service, first.stdout);
  });

  it('stays within 80 columns and uses no colour', () => {
    const lines = shownDemo.split('\n');
    expect(lines.length).toBeGreaterThan(40);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(shownDemo).not.toContain('\u001b');
  });
});

/** Runs what the demo suggests to do next with its database: the first as it is typed, the others faster. */
function expectCommandsToWork(service: ServiceProject, stdout: string): void {
  const suggested = stdout.split('\n').filter((line) => line.startsWith('  npx tsx '));
  expect(suggested.length).toBeGreaterThan(2);
  mkdirSync(join(service.folder, 'src'));
  symlinkSync(join(PROJECT, 'src/cli'), join(service.folder, 'src/cli'));
  for (const [i, line] of suggested.entries()) {
    const [loader = '', program = '', ...args] = line.trim().split(' ').slice(1);
    expect(program).toBe('src/cli/main.ts');
    const start = i === 0 ? [loader, program] : ['node', inject('cli')];
    const [command = '', ...rest] = [...start, ...args];
    const outcome = service.run(command, ...rest);
    expect({ line, ...outcome, stdout: '' }).toMatchObject({ exitCode: 0, stderr: '' });
    expect(outcome.stdout).not.toBe('');
  }
}

describe("docs/api.md's table of calls", () => {
  const api = readProject('docs/api.md');

  it('has every call of the published document', () => {
    const published = readProject('test/fixtures/SPEC.md').matchAll(/\bdb\.(\w+)\(/g);
    const calls = new Set([...published].map(([, call = '']) => call));
    expect(calls.size).toBe(23);
    for (const call of calls) expect(api).toContain(`| \`${call}(`);
  });

  it('names methods that exist', async () => {
    await using db = await PylonDb.openInMemory();
    const named = [...api.matchAll(/`(jobs|earnings|agents)\.(\w+)/g)];
    expect(named.length).toBeGreaterThan(30);
    for (const [name, service = '', method = ''] of named) {
      const found: unknown = Reflect.get(Reflect.get(db, service), method);
      expect({ name, kind: typeof found }).toEqual({ name, kind: 'function' });
    }
  });
});

describe("README's commands", () => {
  it('name npm scripts that exist', () => {
    const { scripts } = JSON.parse(readProject('package.json')) as { scripts: object };
    const lines = [...commands(blocks), ...(readme.match(/`npm [^`]*`/g) ?? [])].join('\n');
    const named = [...lines.matchAll(/npm (?:run )?(start|test|check|[\w:]+)(?=[`\s]|$)/g)]
      .map(([, name = '']) => name)
      .filter((name) => !['ci', 'pack', 'install', 'pkg', 'run'].includes(name));
    expect(named).toContain('start');
    expect(named).toContain('test');
    for (const name of named) expect(Object.keys(scripts)).toContain(name);
  });
});

describe('CONTRIBUTING.md', () => {
  const contributing = readProject('CONTRIBUTING.md');
  const quoted = [...contributing.matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text);

  it('names files and folders that exist', () => {
    const paths = quoted.filter((text) =>
      /^(src|test|migrations|generated|docs|\.ci)\/[\w./-]*$/.test(text),
    );
    // Placeholders for what is to be written.
    const named = paths.filter((path) => !/NNN|NAME/.test(path));
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((path) => !existsSync(join(PROJECT, path)))).toEqual([]);
  });

  it('names npm scripts and test projects that exist', () => {
    const { scripts } = JSON.parse(readProject('package.json')) as { scripts: object };
    const named = quoted.flatMap((text) => /^npm run ([\w:]+)/.exec(text)?.[1] ?? []);
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });
});

const DOCUMENTS = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'],
  ...readdirSync(join(PROJECT, 'docs'))
    .filter(isMarkdown)
    .map((name) => `docs/${name}`),
];

describe('links in the documents', () => {
  it.each(DOCUMENTS)('lead somewhere in %s', (document) => {
    const folder = join(PROJECT, document, '..');
    for (const [, target = ''] of readProject(document).matchAll(/\]\(([^)]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [file = '', heading] = target.split('#');
      const path = file === '' ? join(PROJECT, document) : join(folder, file);
      const there = existsSync(path);
      const found = heading === undefined || anchors(readFileSync(path, 'utf8')).includes(heading);
      expect({ target, there, found }).toEqual({ target, there: true, found: true });
    }
  });
});
