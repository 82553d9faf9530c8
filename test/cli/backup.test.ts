import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type BackupManifest, PylonDb } from '../../src/index.js';
import { allOf, expectTrueManifest, manifestOf } from '../backup/backups.js';
import { temporaryFolder } from '../temporary.js';
import { backupAt, damage, database, NOON } from './backed-up.js';
import { contents, json, publishedFile, pylonDb } from './command.js';

describe('backup', () => {
  it('prints the path of the copy, and what else it did', async () => {
    const path = await database();
    const folder = temporaryFolder();
    const { exitCode, stdout, stderr } = await pylonDb(['backup', folder, '--db', path]);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 0,
      stderr: expect.stringMatching(/^\d rows, [\d.]+ KiB, verified\.\n$/),
    });
    const made = stdout.trimEnd();
    expect(stdout).toBe(`${made}\n`);
    expect(basename(made)).toMatch(/^pylon-\d{8}T\d{6}Z\.db$/);
    expectTrueManifest(made);
    expect(allOf(made)).toEqual(allOf(path));
  });

  it('puts it into `backups` next to the database when no place is given', async () => {
    const path = await database();
    const { exitCode, stdout, stderr } = await pylonDb(['backup', '--quiet', '--db', path]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(dirname(stdout)).toBe(join(dirname(path), 'backups'));
    expect(statSync(dirname(stdout)).mode & 0o777).toBe(0o700);
    expectTrueManifest(stdout.trimEnd());
    expect((await pylonDb(['backup', '--db', path])).exitCode).toBe(0);
    expect(readdirSync(join(dirname(path), 'backups'))).toHaveLength(4);
  });

  it('reports path, manifest and what was pruned in JSON', async () => {
    const path = await database();
    const to = join(temporaryFolder(), 'copy.db');
    const { exitCode, stdout, stderr } = await pylonDb(['backup', to, '--json', '--db', path]);
    expect({ exitCode }).toEqual({ exitCode: 0 });
    expect(stderr).toMatch(/verified/);
    const now = Math.floor(Date.now() / 1000);
    const made: { path: string; manifest: BackupManifest } = JSON.parse(stdout);
    expect(made).toEqual({
      path: to,
      manifest: manifestOf(to),
      pruned: [],
      unsure: [],
      unreadable: [],
    });
    expect(Object.entries(made.manifest).map(([field, value]) => [field, typeof value])).toEqual([
      ['format', 'number'],
      ['pylon_db', 'string'],
      ['created_at', 'number'],
      ['source', 'string'],
      ['host', 'string'],
      ['size_bytes', 'number'],
      ['sha256', 'string'],
      ['rows', 'object'],
      ['foreign_key_violations', 'number'],
      ['migrations', 'object'],
      ['identity', 'string'],
    ]);
    expect(Math.abs(now - made.manifest.created_at)).toBeLessThan(60);
  });

  it('copies the file of another implementation without migrating it', async () => {
    const path = publishedFile(temporaryFolder());
    const before = contents(dirname(path));
    const to = join(temporaryFolder(), 'copy.db');
    expect((await pylonDb(['backup', to, '--db', path])).exitCode).toBe(0);
    expect(expectTrueManifest(to).migrations).toEqual(['001_initial_schema']);
    expect(contents(dirname(path))).toEqual(before);
  });

  it('replaces a backup of that name with --force only', async () => {
    const path = await database();
    const to = join(temporaryFolder(), 'copy.db');
    writeFileSync(to, 'somebody else');
    const refused = await pylonDb(['backup', to, '--db', path]);
    expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
    expect(refused.stderr).toMatch(/^pylon-db: .*copy\.db exists already\. .*force.*\n$/);
    expect(readFileSync(to, 'utf8')).toBe('somebody else');
    expect((await pylonDb(['backup', to, '--force', '--db', path])).exitCode).toBe(0);
    expectTrueManifest(to);
  });
});

describe('backup --keep', () => {
  it('removes the oldest of this database, and nothing else', async () => {
    const path = await database();
    const folder = temporaryFolder();
    const made: string[] = [];
    for (let i = 0; i < 4; i++) made.push(await backupAt(NOON + i, path, join(folder, `${i}.db`)));
    const another = await backupAt(1000, await database(), join(folder, 'another.db'));
    const cut = await backupAt(1001, path, join(folder, 'cut.db'));
    truncateSync(cut, 5000);
    copyFileSync(another, join(folder, 'mine.db'));
    writeFileSync(join(folder, 'notes.json'), '{}');
    const before = readdirSync(folder);

    const [oldest = '', second = '', third = ''] = made;
    const { stdout, stderr } = await pylonDb(['backup', folder, '--keep', '2', '--db', path]);
    const fresh = stdout.trimEnd();
    expect(stderr).toMatch(/\nRemoved 3 older\.\nKept 1 that may be another database's: /);
    const removed = [oldest, second, third].flatMap((old) => [
      basename(old),
      `${basename(old)}.json`,
    ]);
    const added = [basename(fresh), `${basename(fresh)}.json`];
    expect(readdirSync(folder).sort()).toEqual(
      [...before.filter((name) => !removed.includes(name)), ...added].sort(),
    );
    const pruned = await json(['backup', folder, '--keep', '1', '--db', path]);
    expect(pruned).toMatchObject({ pruned: [fresh, made[3]] });
  });

  it('keeps the new one whatever the clock said before', async () => {
    const path = await database();
    const folder = temporaryFolder();
    const future = await backupAt(NOON * 2, path, join(folder, 'future.db'));
    const { stdout } = await pylonDb(['backup', folder, '--keep', '1', '--db', path]);
    expect(existsSync(stdout.trimEnd())).toBe(true);
    expect(existsSync(future)).toBe(false);
  });

  it('removes nothing when no new backup was made', async () => {
    const path = await database();
    const folder = temporaryFolder();
    for (const i of [0, 1]) await backupAt(NOON + i, path, join(folder, `${i}.db`));
    const before = contents(folder);
    damage(path);
    const { exitCode, stdout } = await pylonDb(['backup', folder, '--keep', '1', '--db', path]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 4, stdout: '' });
    expect(contents(folder)).toEqual(before);
  });
});

describe('backup list', () => {
  it('shows the backups of a folder, newest first, and the state of each', async () => {
    const path = await database();
    const folder = temporaryFolder();
    const at = async (i: number, name: string) =>
      await backupAt(NOON + i, path, join(folder, `${name}.db`));
    await at(0, 'good');
    truncateSync(await at(1, 'cut'), 5000);
    writeFileSync(`${await at(2, 'broken')}.json`, '{"format": 1');
    rmSync(await at(3, 'gone'));
    rmSync(`${await at(4, 'bare')}.json`);
    writeFileSync(join(folder, 'notes.txt'), '');
    writeFileSync(join(folder, 'notes.json'), '{}');
    writeFileSync(join(folder, '.hidden.db'), '');
    mkdirSync(join(folder, 'folder.db'));
    const { exitCode, stdout, stderr } = await pylonDb(['backup', 'list', folder]);
    const note = `In ${folder}. \`pylon-db backup verify FILE\` reads one whole.\n`;
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: note });
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^file +made \(UTC\) +size +rows +of +state$/);
    expect(lines.find((line) => line.startsWith('good.db'))).toMatch(
      /^good\.db +2026-07-01 12:00:00 +\d+ KiB +\d +[0-9a-f]{8} \S+:\/\S+ +complete$/,
    );
    const states = (await json(['backup', 'list', folder])) as readonly Record<string, unknown>[];
    const found = states.map(({ path, state }) => [basename(String(path)), state]);
    expect(Object.fromEntries(found)).toEqual({
      'bare.db': 'no manifest',
      'broken.db': 'broken manifest',
      'gone.db': 'manifest only',
      'cut.db': 'other size',
      'good.db': 'complete',
    });
    expect(states.filter(({ state }) => state === 'complete')).toEqual([
      {
        path: join(folder, 'good.db'),
        state: 'complete',
        size_bytes: statSync(join(folder, 'good.db')).size,
        created_at: NOON,
        from_future: false,
        manifest: manifestOf(join(folder, 'good.db')),
      },
    ]);
    const times = states.map(({ created_at }) => Number(created_at));
    expect(times).toEqual(times.toSorted((a, b) => b - a));
  });

  it('looks next to the database, and says when there are none', async () => {
    const path = await database();
    expect(await pylonDb(['backup', 'list', '--db', path])).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: `No backups in ${join(dirname(path), 'backups')}.\n`,
    });
    expect(existsSync(join(dirname(path), 'backups'))).toBe(false);
    expect(await json(['backup', 'list', '--db', path])).toEqual([]);
    await pylonDb(['backup', '--db', path]);
    expect(await json(['backup', 'list', '--db', path])).toHaveLength(1);
  });

  it('fails for a folder that is not there', async () => {
    const outcome = await pylonDb(['backup', 'list', join(temporaryFolder(), 'none')]);
    expect(outcome).toMatchObject({ exitCode: 1, stdout: '' });
    expect(outcome.stderr).toMatch(/^pylon-db: there is no \S+none\. .*\n$/);
  });
});

describe('a bad command line', () => {
  it.each([
    [['--keep', '0'], 2, /whole number from 1/],
    [['--keep', '-1'], 2, /--keep/],
    [['--keep', 'all'], 2, /whole number from 1/],
    [['a', 'b'], 2, /argument/],
    [['--kep', '3'], 2, /unknown option '--kep'. Did you mean --keep/],
    [['--force', 'list'], 2, /--force doesn't go with `backup list`/],
    [['list', '--keep', '3'], 2, /--keep/],
    [['lst'], 2, /'lst' is not a command, file name or folder/],
    [['list', 'a', 'b'], 2, /argument/],
    [['verify'], 2, /missing.*file/],
    [['verify', 'a', '--force'], 2, /--force/],
    [['nowhere/copy.db'], 1, /there is no folder .*nowhere/],
    [['nowhere/folder/'], 1, /nowhere/],
    [[''], 2, /destination/],
  ])('%j is reported in one line', async (args, exitCode, word) => {
    const path = await database();
    const before = contents(dirname(path));
    const outcome = await pylonDb(['backup', ...args, '--db', path]);
    expect(outcome).toMatchObject({ exitCode, stdout: '' });
    expect(outcome.stderr).toMatch(word);
    expect(outcome.stderr).toMatch(/^pylon-db: [^\n]+\n$/);
    expect(contents(dirname(path))).toEqual(before);
  });

  it('names a database that is not there, and creates nothing', async () => {
    const folder = temporaryFolder();
    const outcome = await pylonDb(['backup', '--db', join(folder, 'pylon.db')]);
    expect(outcome).toMatchObject({ exitCode: 1, stdout: '' });
    expect(outcome.stderr).toMatch(/^pylon-db: there is no file [^\n]+\n$/);
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each(['', '-wal', '-shm', '-journal'])(
    'never puts a backup over the database or its %j',
    async (suffix) => {
      const path = await database();
      const open = await PylonDb.open(path);
      onTestFinished(() => open.close());
      const outcome = await pylonDb(['backup', `${path}${suffix}`, '--force', '--db', path]);
      expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
      expect(outcome.stderr).toMatch(/belongs to the database itself/);
      await open.jobs.create({ id: 'c', kind: 1, customer_pubkey: 'c' });
      expect(await open.jobs.list()).toHaveLength(3);
    },
  );
});

it('--help shows examples, and each its own options', async () => {
  const help = async (...args: readonly string[]) =>
    (await pylonDb(['backup', ...args, '--help'])).stdout;
  const [own, list, verify] = [await help(), await help('list'), await help('verify')];
  for (const text of [own, list, verify]) expect(text).toMatch(/Examples:\n {2}\$ pylon-db backup/);
  expect(own).toMatch(/--keep <n>.*\n.*--force/s);
  for (const text of [list, verify]) expect(text).not.toMatch(/--keep|--force/);
});
