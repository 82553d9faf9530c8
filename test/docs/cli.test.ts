import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { expect, it, onTestFinished } from 'vitest';
import { wholeProgram } from '../../src/cli/command-line.js';
import { cliPage } from '../../src/cli/docs/page.js';
import { built } from '../backup/built.js';
import { temporaryFolder } from '../temporary.js';
import { codeBlocks, commands, PROJECT, readProject } from './markdown.js';

const PAGE = readProject('docs/cli.md');
const [docsCheck = ''] = await built(join(PROJECT, 'src/cli/docs/main.ts'));

/** Every command and subcommand with its name as it is typed. */
async function allCommands(): Promise<[name: string, command: Command][]> {
  const named = (command: Command, before: string): [string, Command][] => {
    const name = `${before}${command.name()}`;
    return [[name, command], ...command.commands.flatMap((sub) => named(sub, `${name} `))];
  };
  return (await wholeProgram()).commands.flatMap((command) => named(command, ''));
}

/** What stands on the page from a heading to the next. */
function sectionOf(heading: string): string {
  const sections = PAGE.split(/^#+ /m).filter((section) => section.startsWith(`${heading}\n`));
  expect(sections).toHaveLength(1);
  return sections[0] ?? '';
}

function check(file: string) {
  return spawnSync('node', [docsCheck, '--check', file], { cwd: PROJECT, encoding: 'utf8' });
}

it('docs/cli.md is what --help says: if it is not, run npm run docs', async () => {
  expect(cliPage(await wholeProgram())).toBe(PAGE);
});

it('is the same in a narrow terminal', async () => {
  const { columns, isTTY } = process.stdout;
  onTestFinished(() => {
    Object.assign(process.stdout, { columns, isTTY });
  });
  Object.assign(process.stdout, { columns: 45, isTTY: true });
  expect(cliPage(await wholeProgram())).toBe(PAGE);
});

it('has a section for each command, with its arguments and options', async () => {
  const all = await allCommands();
  expect(all.length).toBeGreaterThan(15);
  for (const [name, { options, registeredArguments }] of all) {
    const section = sectionOf(name);
    expect(section).toContain(`pylon-db ${name}`);
    for (const { flags } of options) expect(section).toContain(`| \`${flags}\` |`);
    for (const argument of registeredArguments) expect(section).toContain(argument.name());
  }
});

it('keeps the lines of each list apart', () => {
  const prose = PAGE.replaceAll(/^```[\s\S]*?^```$/gm, '').match(/^[^|\n].*$/gm) ?? [];
  expect(prose.length).toBeGreaterThan(50);
  expect(prose.filter((line) => / {2}/.test(line.trim()))).toEqual([]);
});

it('leads to each section, and to nothing else', () => {
  const links = [...PAGE.matchAll(/\(#([\w-]+)\)/g)].map(([, anchor]) => anchor);
  const headings = [...PAGE.matchAll(/^##+ (.*)$/gm)].map(([, heading = '']) =>
    heading.toLowerCase().replaceAll(' ', '-'),
  );
  expect(new Set(links)).toEqual(new Set(headings));
});

it('shows command lines that name commands there are', async () => {
  const names = (await allCommands()).map(([name]) => name);
  const lines = commands(codeBlocks(PAGE)).flatMap((line) => line.split(/ (?:&&|\|\|) /));
  const ours = lines.filter((line) => line.startsWith('pylon-db '));
  expect(ours.length).toBeGreaterThan(30);
  for (const line of ours) {
    expect(
      names.some((name) => `${line} `.startsWith(`pylon-db ${name} `)),
      line,
    ).toBe(true);
  }
});

it('npm run docs:check exits 1 when the file differs or is missing', () => {
  const file = join(temporaryFolder(), 'cli.md');
  const missing = check(file);
  writeFileSync(file, PAGE);
  const same = check(file);
  writeFileSync(file, PAGE.replace('--keep', '--kept'));
  const other = check(file);
  expect([missing.status, same.status, other.status]).toEqual([1, 0, 1]);
  expect(other.stderr).toMatch(/differs from what --help says. Run: npm run docs\n$/);
});
