import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../temporary.js';
import { contents, publishedFile, pylonDb } from './command.js';

const ONE_LINE = /^pylon-db: [^\n]+\n$/;

describe('a bad command line says the fix in one line, exits 2, and creates nothing', () => {
  it.each([
    ['no command', [], 'a command is missing: info, jobs,'],
    ['an unknown command', ['jbos'], "unknown command 'jbos'. Did you mean jobs?"],
    ['an unknown subcommand', ['migrate', 'upp'], "unknown command 'upp'"],
    ['help for an unknown command', ['help', 'jbos'], "unknown command 'jbos'"],
    ['help for an unknown subcommand', ['migrate', 'upp', '--help'], "unknown command 'upp'"],
    ['no subcommand', ['migrate'], 'a command is missing: up, down, redo, status,'],
    ['an unknown option', ['jobs', '--statsu', 'x'], 'Did you mean --status?'],
    ['a missing argument', ['ticks'], "missing required argument 'npub'"],
    ['a stray argument', ['info', 'stray'], 'too many arguments'],
    ['a missing value of an option', ['jobs', '--status'], 'argument missing'],
    ['an unknown status', ['jobs', '--status', 'done'], 'pending, processing, completed, failed'],
    ['an unknown state', ['agents', '--state', 'x'], 'embryonic, active, dormant, terminated'],
    ['an unknown width', ['earnings', '--by', 'year'], 'hour, day, week, month'],
    ['an unknown time zone', ['earnings', '--by', 'day', '--time-zone', 'X/Y'], 'Europe/Berlin'],
    ['a date that is none', ['earnings', '--since', '2026-02-30'], 'Give unix seconds, a date'],
    ['milliseconds', ['earnings', '--until', '1767187500000'], 'Give unix seconds'],
    ['a reversed range', ['earnings', '--since', '9', '--until', '8'], 'Swap the two'],
    ['a limit out of range', ['jobs', '--limit', '10001'], 'a whole number from 1 to 10000'],
    ['a limit that is not a number', ['ticks', 'n', '--limit', '1e3'], 'a whole number'],
    ['a cursor that is none', ['jobs', '--before', 'x'], 'Copy it from the note'],
    ['a list option next to an id', ['jobs', 'a', '--limit', '3'], 'Leave out the id'],
    ['a page of sums', ['earnings', '--by', 'day', '--limit', '3'], 'cannot be used with'],
    ['--db that swallowed an option', ['info', '--db', '--quiet'], '--db needs a path'],
    ['an empty --db', ['info', '--db', ''], '--db needs a path'],
    ['a database in memory', ['info', '--db', ':memory:'], '--db must be a file'],
    ['zero steps', ['migrate', 'down', '--steps', '0'], 'a whole number from 1'],
    ['an unknown migration', ['migrate', 'up', '--to', '009_x'], 'Give one of 001_initial_schema'],
  ])('%s', async (_, args, fix) => {
    const home = temporaryFolder();
    const outcome = await pylonDb(args, { HOME: home });
    expect(outcome).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringMatching(ONE_LINE),
    });
    expect(outcome.stderr).toContain(fix);
    expect(contents(home)).toEqual({});
  });
});

describe('a --db that is not a pylon.db gets one line, exits 1, and stays as it is', () => {
  const commands = [['info'], ['jobs'], ['migrate', 'status'], ['migrate', 'plan']];
  const writers = [
    ['migrate', 'up'],
    ['migrate', 'down'],
  ];

  it.each([...commands, ['migrate', 'verify'], ['migrate', 'down']])(
    'a missing file in a missing folder: %s %s',
    async (...args) => {
      const folder = temporaryFolder();
      const path = join(folder, 'no', 'such', 'pylon.db');
      expect(await pylonDb([...args, '--db', path])).toEqual({
        exitCode: 1,
        stdout: '',
        stderr: `pylon-db: there is no file ${path}. Give the database with --db PATH or PYLON_DB, or create it with \`pylon-db migrate up\`.\n`,
      });
      expect(contents(folder)).toEqual({});
    },
  );

  it.each([['jobs'], ['migrate', 'up'], ['migrate', 'verify']])(
    'a folder: %s %s',
    async (...args) => {
      const folder = temporaryFolder();
      mkdirSync(join(folder, 'pylon.db'));
      const before = contents(folder);
      const outcome = await pylonDb([...args, '--db', join(folder, 'pylon.db')]);
      expect(outcome.exitCode).toBe(1);
      expect(outcome.stderr).toBe(
        `pylon-db: ${join(folder, 'pylon.db')} is a folder. Give the file itself with --db PATH.\n`,
      );
      expect(contents(folder)).toEqual(before);
    },
  );

  it.each([['info'], ...writers, ['migrate', 'plan']])('a text file: %s %s', async (...args) => {
    const folder = temporaryFolder();
    const path = join(folder, 'notes.txt');
    writeFileSync(path, 'Not a database, but a text that is longer than a header.\n'.repeat(20));
    const before = contents(folder);
    const outcome = await pylonDb([...args, '--db', path]);
    expect([outcome.exitCode, outcome.stdout]).toEqual([1, '']);
    expect(outcome.stderr).toBe(
      `pylon-db: ${path} is not an SQLite database. Give the path of a pylon.db file.\n`,
    );
    expect(contents(folder)).toEqual(before);
  });

  it.each([['earnings'], ...writers, ['migrate', 'verify']])(
    "another program's database: %s %s",
    async (...args) => {
      const folder = temporaryFolder();
      const path = join(folder, 'other.db');
      const other = new Database(path);
      other.exec("create table notes (text); insert into notes values ('mine')");
      other.close();
      const before = contents(folder);
      const outcome = await pylonDb([...args, '--db', path]);
      expect([outcome.exitCode, outcome.stdout]).toEqual([1, '']);
      expect(outcome.stderr).toMatch(ONE_LINE);
      expect(outcome.stderr).toContain("another program's database");
      expect(contents(folder)).toEqual(before);
    },
  );
});

describe('errors', () => {
  it('are JSON on stderr under --json, before or after the command', async () => {
    const folder = temporaryFolder();
    const path = publishedFile(folder);
    const after = await pylonDb(['jobs', 'nope', '--db', path, '--json']);
    const before = await pylonDb(['--json', '--db', path, 'jobs', 'nope']);
    expect(after).toEqual(before);
    expect([after.exitCode, after.stdout]).toEqual([1, '']);
    expect(JSON.parse(after.stderr)).toEqual({
      error: { code: 'NOT_FOUND', message: 'there is no job nope', hint: expect.any(String) },
    });
  });

  it('are JSON even when the command line is what is wrong', async () => {
    const { exitCode, stderr } = await pylonDb(['--json', 'jbos']);
    expect([exitCode, JSON.parse(stderr)]).toEqual([
      2,
      {
        error: {
          code: 'INVALID_ARGUMENT',
          message: "unknown command 'jbos'. Did you mean jobs?",
          hint: 'See `pylon-db --help`.',
        },
      },
    ]);
  });

  it('show a stack only with --debug', async () => {
    const plain = await pylonDb(['info']);
    const debug = await pylonDb(['info', '--debug']);
    expect(plain.stderr).toMatch(ONE_LINE);
    expect(debug.stderr.startsWith(plain.stderr)).toBe(true);
    expect(debug.stderr).toMatch(/\n +at /);
  });

  it('exit 3 for a file that was never migrated, which a reader leaves alone', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'empty.db');
    writeFileSync(path, '');
    const { exitCode, stderr } = await pylonDb(['jobs', '--db', path]);
    expect(exitCode).toBe(3);
    expect(stderr).toMatch(ONE_LINE);
    expect(stderr).toContain('Run `pylon-db migrate up`.');
    expect(contents(folder)).toEqual({ [path]: expect.any(String) });
  });

  it('exit 4 for a damaged file', async () => {
    const folder = temporaryFolder();
    const path = publishedFile(folder);
    const db = new Database(path);
    db.unsafeMode();
    db.pragma('writable_schema = on');
    db.exec("update sqlite_master set rootpage = 999999 where name = 'jobs'");
    db.close();
    const { exitCode, stderr } = await pylonDb(['jobs', '--db', path]);
    expect([exitCode, stderr]).toEqual([4, expect.stringContaining('restore the latest backup')]);
  });

  it('exit 4 for a row that another program stored wrongly', async () => {
    const path = publishedFile(temporaryFolder());
    const db = new Database(path);
    db.exec('update jobs set price_msats = 1.5 where id = (select max(id) from jobs)');
    db.close();
    const { exitCode, stderr } = await pylonDb(['jobs', '--limit', '1000', '--db', path]);
    expect([exitCode, stderr]).toEqual([4, expect.stringContaining('jobs.price_msats of row')]);
    expect(stderr).toMatch(ONE_LINE);
  });

  it('exit 5 while another process holds the write lock', async () => {
    const path = publishedFile(temporaryFolder());
    const holder = new Database(path);
    holder.exec('begin immediate');
    const { exitCode, stdout, stderr } = await pylonDb(['migrate', 'up', '--db', path]);
    holder.exec('rollback');
    holder.close();
    expect([exitCode, stdout]).toEqual([5, '']);
    expect(stderr).toMatch(ONE_LINE);
    expect(stderr).toContain('another process held the write lock');
  });
});

describe('the database', () => {
  it('is --db, else PYLON_DB, else ~/.pylon/pylon.db', async () => {
    const home = temporaryFolder();
    mkdirSync(join(home, '.pylon'));
    const fromHome = publishedFile(join(home, '.pylon'));
    const other = publishedFile(home);
    const path = async (args: readonly string[], env: Record<string, string>) =>
      JSON.parse((await pylonDb(['info', '--json', ...args], { HOME: home, ...env })).stdout).path;
    expect(await path(['--db', other], { PYLON_DB: fromHome })).toBe(other);
    expect(await path(['--db', '~/.pylon/node-001.db'], {})).toBe(fromHome);
    expect(await path([], { PYLON_DB: '~/.pylon/node-001.db' })).toBe(fromHome);
    const missing = await pylonDb(['info'], { HOME: home, PYLON_DB: '' });
    expect(missing.stderr).toContain(`there is no file ${join(home, '.pylon', 'pylon.db')}`);
  });
});

describe('help', () => {
  it('lists the commands, examples and exit codes', async () => {
    const { exitCode, stdout, stderr } = await pylonDb(['--help']);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/info .*jobs .*earnings .*agents .*ticks .*migrate /s);
    expect(stdout).toContain('$ pylon-db earnings --by day');
    expect(stdout).toContain('3 migrations pending');
  });

  it('of a command shows its options and examples, asked either way', async () => {
    const asked = await pylonDb(['migrate', 'create', '--help']);
    expect(asked.exitCode).toBe(0);
    expect(asked.stdout).toContain('--dir <dir>');
    expect(asked.stdout).toContain('$ pylon-db migrate create add_priority --dir migrations');
    expect(await pylonDb(['help', 'migrate', 'create'])).toEqual(asked);
  });
});
