import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { wholeProgram } from '../../src/cli/command-line.js';
import { writeByAnother } from '../file.js';
import { temporaryFolder } from '../temporary.js';
import { BUSY_AGENT } from './answers.js';
import { publishedFile, pylonDb } from './command.js';
import { ERROR_SCHEMA, JSON_SCHEMAS, misfits } from './json-schemas.js';

const SOME_JOB = '6906fcdfcabde25665c46640dc38793894832d8f31ca4233a1a83a40d41cf145';

/** A day on the life of a file, in this order: what is printed by each, and its exit code. */
const DAY: readonly (readonly [schema: string, args: readonly string[], exitCode?: number])[] = [
  ['migrate status', ['migrate', 'status'], 3],
  ['migrate plan', ['migrate', 'plan']],
  ['migrate verify', ['migrate', 'verify'], 3],
  ['migrate up', ['migrate', 'up']],
  ['migrate down', ['migrate', 'down']],
  ['migrate up', ['migrate', 'up']],
  ['migrate redo', ['migrate', 'redo']],
  ['migrate up', ['migrate', 'up']],
  ['migrate status', ['migrate', 'status']],
  ['migrate create', ['migrate', 'create', 'add_x', '--dir', 'FOLDER/migrations']],
  ['info', ['info']],
  ['jobs', ['jobs', '--limit', '1000']],
  ['jobs ID', ['jobs', SOME_JOB]],
  ['earnings', ['earnings', '--limit', '1000']],
  ['earnings --by', ['earnings', '--by', 'month']],
  ['agents', ['agents']],
  ['ticks', ['ticks', BUSY_AGENT]],
  ['query', ['query', 'select * from jobs']],
  ['query', ['query', '--explain', 'select * from jobs']],
  ['export migrations', ['export', 'migrations']],
  ['export jobs', ['export', 'jobs']],
  ['export earnings', ['export', 'earnings']],
  ['export agents', ['export', 'agents']],
  ['export tick_history', ['export', 'tick_history']],
  ['export --all', ['export', '--all']],
  ['export --out', ['export', 'jobs', '--out', 'FOLDER/jobs.csv']],
  ['export --out', ['export', '--all', '--format', 'csv', '--out', 'FOLDER/all']],
  ['copy', ['copy', '--from', 'FOLDER/node-001.db', '--to', 'FOLDER/other.db']],
  ['backup', ['backup', 'FOLDER/copy.db']],
  ['backup', ['backup', '--keep', '1']],
  ['backup', ['backup', '--keep', '1']],
  ['backup list', ['backup', 'list']],
  ['backup verify', ['backup', 'verify', 'FOLDER/copy.db']],
  ['check', ['check']],
  ['check', ['check', '--quick']],
  ['check', ['check', '--full']],
  ['vacuum', ['vacuum']],
  ['restore', ['restore', 'FOLDER/copy.db', '--dry-run']],
  ['restore', ['restore', 'FOLDER/copy.db']],
  ['restore', ['restore', 'FOLDER/copy.db']],
  ['check', ['check']],
];

/** A command line that fails, for each command. */
const FAILING: Readonly<Record<string, readonly string[]>> = {
  info: ['info', '--db', 'FOLDER/missing.db'],
  jobs: ['jobs', 'no such job'],
  earnings: ['earnings', '--since', 'yesterday'],
  agents: ['agents', '--state', 'asleep'],
  ticks: ['ticks'],
  query: ['query', 'delete from jobs'],
  export: ['export', 'invoices'],
  copy: ['copy', '--from', 'FOLDER/missing.db', '--to', 'FOLDER/other.db'],
  backup: ['backup', 'FOLDER/no/such/folder/copy.db'],
  'backup list': ['backup', 'list', 'FOLDER/missing'],
  'backup verify': ['backup', 'verify', 'FOLDER/missing.db'],
  check: ['check', '--db', 'FOLDER'],
  vacuum: ['vacuum', '--wait', 'x'],
  restore: ['restore', 'FOLDER/missing.db'],
  'migrate up': ['migrate', 'up', '--to', '999_nothing'],
  'migrate down': ['migrate', 'down', '--steps', '0'],
  'migrate redo': ['migrate', 'redo', '999_nothing'],
  'migrate status': ['migrate', 'status', '--db', 'FOLDER/missing.db'],
  'migrate plan': ['migrate', 'plan', '--migrations', 'FOLDER/missing.js'],
  'migrate create': ['migrate', 'create', 'Add X', '--dir', 'FOLDER/migrations'],
  'migrate verify': ['migrate', 'verify', '--db', 'FOLDER/missing.db'],
};

/** Every command that does something: `migrate` alone only shows its help. */
async function commandNames(): Promise<string[]> {
  const named = (command: Command, before: string): string[] => {
    const name = `${before}${command.name()}`;
    const own = name === 'migrate' ? [] : [name];
    return [...own, ...command.commands.flatMap((sub) => named(sub, `${name} `))];
  };
  return (await wholeProgram()).commands.flatMap((command) => named(command, ''));
}

const inFolder = (args: readonly string[], folder: string) =>
  args.map((arg) => arg.replace('FOLDER', folder));

describe('--json', () => {
  it('prints what the schema of each command says, through a day of a file', async () => {
    const folder = temporaryFolder();
    const path = publishedFile(folder);
    for (const [schema, args, exitCode = 0] of DAY) {
      const line = [...inFolder(args, folder), '--json', '--db', path];
      const outcome = await pylonDb(line);
      const label = `${args.join(' ')}: ${outcome.stderr}`;
      expect(outcome.exitCode, label).toBe(exitCode);
      expect(misfits(JSON_SCHEMAS[schema] ?? {}, JSON.parse(outcome.stdout)), label).toEqual([]);
    }
    // What it was about is there: nothing fits because it is empty.
    expect(readdirSync(join(folder, 'all'))).toHaveLength(5);
  });

  it('prints findings and damage by the schema too', async () => {
    const folder = temporaryFolder();
    const path = publishedFile(folder);
    await pylonDb(['migrate', 'up', '--db', path]);
    await pylonDb(['backup', join(folder, 'copy.db'), '--db', path]);
    writeByAnother(path, 'update jobs set price_msats = -1 where id = (select min(id) from jobs)');
    writeByAnother(path, 'drop index pylon_db_earnings_payment');
    for (const [schema, args] of [
      ['check', ['check']],
      ['migrate verify', ['migrate', 'verify']],
    ] as const) {
      const { stdout, exitCode } = await pylonDb([...args, '--json', '--db', path]);
      expect(exitCode).toBeGreaterThan(2);
      expect(misfits(JSON_SCHEMAS[schema] ?? {}, JSON.parse(stdout))).toEqual([]);
    }
  });

  it('prints errors by one schema, whichever command failed', async () => {
    const folder = temporaryFolder();
    const path = publishedFile(folder);
    for (const [name, args] of Object.entries(FAILING)) {
      const database = args.includes('--db') ? [] : ['--db', path];
      const { exitCode, stdout, stderr } = await pylonDb([
        ...inFolder(args, folder),
        ...database,
        '--json',
      ]);
      expect({ name, stdout }).toEqual({ name, stdout: '' });
      expect(exitCode, name).toBeGreaterThan(0);
      expect(misfits(ERROR_SCHEMA, JSON.parse(stderr)), `${name}: ${stderr}`).toEqual([]);
    }
  });

  it('is tried with every command', async () => {
    const names = await commandNames();
    expect(names.length).toBeGreaterThan(15);
    const tried = DAY.map(([, args]) => args.join(' '));
    for (const name of names) {
      expect(
        tried.some((line) => `${line} `.startsWith(`${name} `)),
        name,
      ).toBe(true);
      expect(Object.keys(FAILING)).toContain(name);
    }
    expect(new Set(DAY.map(([schema]) => schema))).toEqual(new Set(Object.keys(JSON_SCHEMAS)));
  });
});
