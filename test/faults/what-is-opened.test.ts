import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ErrorCode, type OpenOptions, PylonDb } from '../../src/index.js';
import { pylonDb } from '../cli/command.js';
import { rejection } from '../engine/failure.js';
import { valueOutside, writeOutside } from '../engine/outside.js';
import { createPublishedFile } from '../migrate/published.js';
import { temporaryFolder } from '../temporary.js';
import { reported } from './table.js';
import { openMany } from './what-is-opened-many.js';

type Answer = ErrorCode | 'opens';

/** What stands at a path, and what opening it to write and to read must end with. */
interface Case {
  readonly name: string;
  readonly write: Answer;
  readonly read: Answer;
  /** A word of the message or the hint. */
  readonly says?: string;
  put(path: string): void | Promise<void>;
}

const refusedAs = (
  code: ErrorCode,
  name: string,
  says: string,
  put: (path: string) => void | Promise<void>,
): Case => ({ name, write: code, read: code, says, put });

const madeOfSql = (sql: string) => (path: string) => writeOutside(path, sql);
const changedBy = (sql: string) => (path: string) => createPublishedFile(path, sql);

const CASES: readonly Case[] = [
  refusedAs('NOT_A_DATABASE', 'a text', 'pylon.db', (path) =>
    writeFileSync(path, 'Dear diary. '.repeat(500)),
  ),
  refusedAs('CORRUPT', 'a header cut off', 'restore', (path) => {
    createPublishedFile(path);
    truncateSync(path, 60);
  }),
  refusedAs('CORRUPT', 'a database cut off', 'restore', (path) => {
    createPublishedFile(path);
    truncateSync(path, statSync(path).size - 5000);
  }),
  {
    name: 'an empty file',
    write: 'opens',
    read: 'SCHEMA_MISMATCH',
    put: (path) => writeFileSync(path, ''),
  },
  refusedAs('CANNOT_OPEN', 'a folder', 'folder', (path) => mkdirSync(path)),
  refusedAs('CANNOT_OPEN', 'a pipe', 'not a regular file', (path) => {
    execFileSync('mkfifo', [path]);
  }),
  refusedAs('CANNOT_OPEN', 'a socket', 'not a regular file', listenAt),
  refusedAs('CANNOT_OPEN', 'a device', 'not a regular file', (path) =>
    symlinkSync('/dev/zero', path),
  ),
  refusedAs('CANNOT_OPEN', 'a link to nothing', 'file', (path) =>
    symlinkSync(`${path}.missing`, path),
  ),
  refusedAs('CANNOT_OPEN', 'a link to itself', 'file', (path) => symlinkSync(path, path)),
  refusedAs('CANNOT_OPEN', 'a hard link', '-samefile', (path) => {
    createPublishedFile(path);
    linkSync(path, `${path}.other`);
  }),
  refusedAs(
    'SCHEMA_MISMATCH',
    "another program's tables",
    "another program's",
    madeOfSql('create table birds (name text); insert into birds values (1)'),
  ),
  refusedAs(
    'SCHEMA_MISMATCH',
    "another program's view",
    "another program's",
    madeOfSql('create view birds as select 1 as name'),
  ),
  refusedAs(
    'SCHEMA_MISMATCH',
    "another program's application_id",
    'application_id is 1196444487',
    madeOfSql('pragma application_id = 1196444487'),
  ),
  refusedAs(
    'SCHEMA_MISMATCH',
    "another program's user_version",
    'user_version is 7',
    madeOfSql('pragma user_version = 7'),
  ),
  refusedAs(
    'SCHEMA_MISMATCH',
    "another program's ledger of the same form",
    "another program's",
    madeOfSql(`create table migrations (id integer primary key, name text, applied_at integer);
      create table birds (name text); insert into migrations (name) values ('001_birds')`),
  ),
  refusedAs('SCHEMA_MISMATCH', 'a missing table', 'agents', changedBy('drop table agents')),
  refusedAs(
    'SCHEMA_MISMATCH',
    'a missing column',
    'earnings.preimage',
    changedBy('alter table earnings drop column preimage'),
  ),
  refusedAs(
    'SCHEMA_MISMATCH',
    'a newer schema',
    'newer pylon-db',
    changedBy("insert into migrations (name) values ('904_pylon_db_future')"),
  ),
  {
    name: 'bytes that are no WAL next to it',
    write: 'opens',
    read: 'opens',
    put(path) {
      createPublishedFile(path);
      writeFileSync(`${path}-wal`, 'This is no WAL. '.repeat(1000));
    },
  },
];

const MODES: readonly ['write' | 'read', OpenOptions][] = [
  ['write', {}],
  ['read', { readonly: true }],
];

describe.each(MODES)('what is opened to %s', (mode, options) => {
  it('opens, or is refused with the right code and hint and stays as it is', async () => {
    const paths = await Promise.all(CASES.map(placed));
    const before = paths.map(hashesBeside);
    const { opened, crashed, hung } = await openMany(paths, options);
    expect(hung).toEqual([]);
    expect(crashed).toEqual([]);
    for (const [i, { name, says = '', ...answers }] of CASES.entries()) {
      const { refused } = opened[i] ?? {};
      expect(refused?.code ?? 'opens', `${name}: ${refused?.message}`).toBe(answers[mode]);
      if (refused === undefined) continue;
      expect(`${refused.message} ${refused.hint}`, name).toContain(says);
      expect(refused.hint, name).toMatch(/^[A-Z].*\.$/);
      expect(hashesBeside(paths[i] ?? ''), name).toEqual(before[i]);
    }
    reported(`what is opened to ${mode}`, {
      tried: `${CASES.length} kinds of files and paths`,
      figure: '0 crashes, 0 hangs, 0 refused files changed',
    });
  });
});

/** Those that the command line reports by itself, and some that opening reports. */
const BY_COMMAND = CASES.filter(({ name }) =>
  /^(a text|a database cut|an empty|a folder|a pipe|a link|a hard|a newer)|of the same form/.test(
    name,
  ),
);

describe('the command line', () => {
  it.each(BY_COMMAND)('reports $name by its exit code and a hint', async (testCase) => {
    const path = await placed(testCase);
    const before = hashesBeside(path);
    for (const args of [['info'], ['migrate', 'up']]) {
      const answer = args[0] === 'info' ? testCase.read : testCase.write;
      const { exitCode, stdout, stderr } = await pylonDb([...args, '--db', path, '--json']);
      if (answer === 'opens') {
        expect(exitCode, stderr).toBe(0);
        continue;
      }
      const { error } = JSON.parse(stderr);
      expect(error.code, stderr).toBe(answer);
      expect(error.hint).not.toBe('');
      expect(exitCode, stderr).toBe(exitCodeFor(answer, stderr));
      expect(stdout.trim()).toMatch(/^(\[\])?$/);
      expect(hashesBeside(path)).toEqual(before);
    }
  });
});

/** DESIGN §8: 4 for damage, 3 for pending migrations, else 1. */
function exitCodeFor(code: ErrorCode, stderr: string): number {
  if (code === 'CORRUPT') return 4;
  return stderr.includes('pending') ? 3 : 1;
}

describe('a path', () => {
  it.each([
    'with blanks',
    'ünï–çødé 日本 🗝',
    'quote\'" and ; drop table jobs; --',
    'a?mode=memory#x%00',
    'line\nbreak',
    '-db',
    '~',
    'x'.repeat(240),
  ])('%j is taken as it is', async (name) => {
    const path = join(temporaryFolder(), name, 'no', 'parents', 'pylon.db');
    const db = await PylonDb.open(path);
    await db.jobs.create({ id: 'a', kind: 1, customer_pubkey: 'c' });
    await db.close();
    expect(valueOutside(path, 'select id from jobs')).toBe('a');
    const info = await pylonDb(['info', '--db', path, '--json']);
    expect(JSON.parse(info.stdout)).toMatchObject({ path, jobs: { pending: 1 } });
  });

  it.each([
    ['with NUL', 'a\0b', 'INVALID_ARGUMENT'],
    ['with a lone surrogate', '\ud800', 'INVALID_ARGUMENT'],
    ['with a name too long', 'x'.repeat(300), 'CANNOT_OPEN'],
    ['too long as a whole', 'x/'.repeat(5000), 'CANNOT_OPEN'],
  ])('%s is refused', async (_, name, code) => {
    const folder = temporaryFolder();
    for (const options of [{}, { readonly: true }]) {
      const error = await rejection(PylonDb.open(`${folder}/${name}`, options));
      expect(error).toMatchObject({ code });
    }
    expect(readdirSync(folder).filter((found) => found !== 'x')).toEqual([]);
  });
});

const NEWER = "insert into migrations (name) values ('904_pylon_db_future')";

describe('a WAL that its writer left', () => {
  it.each(MODES)('is left alone by who is refused to %s', async (_, options) => {
    const { copy } = await leftover(NEWER);
    const before = hashesBeside(copy);
    const { opened } = await openMany([copy], options);
    expect(opened[0]?.refused?.code).toBe('SCHEMA_MISMATCH');
    expect(hashesBeside(copy)).toEqual(before);
  });

  it('loses no row when it is opened', async () => {
    for (const options of [{ readonly: true }, {}]) {
      const { copy } = await leftover('');
      const db = await PylonDb.open(copy, options);
      expect(await db.jobs.countByStatus()).toMatchObject({ pending: 1, completed: 1 });
      await db.close();
    }
  });

  it('of another file next to it makes no crash and no hang', async () => {
    const { copy } = await leftover('');
    const foreign = await leftover('create table x as select * from jobs, sqlite_master');
    copyFileSync(`${foreign.copy}-wal`, `${copy}-wal`);
    const before = readFileSync(copy);
    const { crashed, hung } = await openMany([copy], { readonly: true });
    expect([...crashed, ...hung]).toEqual([]);
    expect(readFileSync(copy).equals(before)).toBe(true);
  });
});

/** A user without any rights: `nobody` of most systems. */
const NOBODY = 65_534;

/** Modes of a file and its folder, and what opening the file to write and to read must end with. */
const MODES_OF_FILES: readonly (readonly [number, number, Answer, Answer])[] = [
  [0o000, 0o700, 'CANNOT_OPEN', 'CANNOT_OPEN'],
  [0o400, 0o700, 'READ_ONLY', 'opens'],
  // A WAL file needs its sidecars next to it, also to be read.
  [0o600, 0o500, 'CANNOT_OPEN', 'CANNOT_OPEN'],
  [0o600, 0o000, 'CANNOT_OPEN', 'CANNOT_OPEN'],
];

describe('an ordinary user', () => {
  it('is refused with what it may not do with a file or its folder', async () => {
    const isRoot = process.getuid?.() === 0;
    const folder = temporaryFolder();
    chmodSync(folder, 0o755);
    const paths: string[] = [];
    for (const [i, [fileMode, folderMode]] of MODES_OF_FILES.entries()) {
      const home = join(folder, `home ${i}`);
      const path = join(home, 'pylon.db');
      mkdirSync(home);
      await (await PylonDb.open(path)).close();
      if (isRoot) for (const name of [home, path]) chownSync(name, NOBODY, NOBODY);
      chmodSync(path, fileMode);
      chmodSync(home, folderMode);
      onTestFinished(() => chmodSync(home, 0o700));
      paths.push(path);
    }
    for (const [mode, options] of MODES) {
      // No mode stops root.
      const { opened, crashed, hung } = await openMany(
        paths,
        options,
        isRoot ? { uid: NOBODY } : {},
      );
      expect([...crashed, ...hung]).toEqual([]);
      for (const [i, [fileMode, folderMode, write, read]] of MODES_OF_FILES.entries()) {
        const { refused } = opened[i] ?? {};
        const label = `${fileMode.toString(8)} in ${folderMode.toString(8)} to ${mode}`;
        expect(refused?.code ?? 'opens', `${label}: ${refused?.message}`).toBe(
          mode === 'write' ? write : read,
        );
        expect(refused?.hint ?? 'you may', label).toMatch(/you may|who may/);
      }
    }
    reported('files that an ordinary user may not open', {
      tried: `${MODES_OF_FILES.length} modes of files and folders, to write and to read`,
      figure: 'each reported with its code and hint',
    });
  });
});

async function placed({ put }: Case): Promise<string> {
  const path = join(temporaryFolder(), 'pylon.db');
  await put(path);
  return path;
}

async function listenAt(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => void server.close());
}

/** A copy of a database and its WAL, as they stand while its writer lives: as after a crash. */
async function leftover(change: string): Promise<{ path: string; copy: string }> {
  const path = join(temporaryFolder(), 'pylon.db');
  const copy = join(temporaryFolder(), 'pylon.db');
  createPublishedFile(path);
  const { default: Database } = await import('better-sqlite3');
  const writer = new Database(path);
  onTestFinished(() => void writer.close());
  writer.pragma('wal_autocheckpoint = 0');
  writer.exec(`update jobs set kind = 2; ${change}`);
  for (const end of ['', '-wal']) copyFileSync(`${path}${end}`, `${copy}${end}`);
  expect(statSync(`${copy}-wal`).size).toBeGreaterThan(0);
  return { path, copy };
}

/** A hash of each file next to `path`, itself included; empty WALs and `-shm` are not changes. */
function hashesBeside(path: string): Record<string, string> {
  const folder = join(path, '..');
  const files: Record<string, string> = {};
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const isFile = entry.isFile();
    const bytes = isFile ? readFileSync(join(folder, entry.name)) : Buffer.from('no file');
    const isSidecar =
      entry.name.endsWith('-shm') || (entry.name.endsWith('-wal') && bytes.length === 0);
    if (!isSidecar) files[entry.name] = createHash('sha256').update(bytes).digest('hex');
  }
  return files;
}
