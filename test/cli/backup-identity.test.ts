import { copyFileSync, existsSync, mkdirSync, readdirSync, realpathSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { migrations } from '../../migrations/index.js';
import { PylonDb } from '../../src/index.js';
import { manifestOf } from '../backup/backups.js';
import { valueOutside } from '../engine/outside.js';
import { temporaryFolder } from '../temporary.js';
import { backupAt, changeManifest, database, NOON } from './backed-up.js';
import { json, pylonDb } from './command.js';

const identityOf = (path: string) =>
  valueOutside(path, 'select identity from pylon_db_identity where id = 1');

/** A database that was made anew, with one job. */
async function another(): Promise<string> {
  const path = join(temporaryFolder(), 'pylon.db');
  const db = await PylonDb.open(path);
  await db.jobs.create({ id: 'of another', kind: 1, customer_pubkey: 'c' });
  await db.close();
  return path;
}

const dbFiles = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.db'));

it('a backup says whose it is: identity, host and path', async () => {
  const path = await database();
  const to = join(temporaryFolder(), 'copy.db');
  await pylonDb(['backup', to, '--db', path]);
  const identity = identityOf(path);
  const source = realpathSync(path);
  expect(manifestOf(to)).toMatchObject({ identity, host: hostname(), source });
  expect(identityOf(to)).toBe(identity);
  const { stdout } = await pylonDb(['backup', 'list', dirname(to)]);
  expect(stdout).toContain(`${String(identity).slice(0, 8)} ${hostname()}:${source}`);
  expect(await json(['info', '--db', path])).toMatchObject({ identity });
});

describe('backup --keep', () => {
  // Two containers: the same path, one folder of backups.
  it('leaves backups of another database that stands at the same path elsewhere', async () => {
    const [path, other] = [await database(), await another()];
    const folder = temporaryFolder();
    const kept = join(folder, 'other.db');
    await pylonDb(['backup', kept, '--db', other]);
    changeManifest(kept, { source: realpathSync(path) });
    const old = await backupAt(NOON, path, join(folder, 'old.db'));
    const { stderr } = await pylonDb(['backup', folder, '--keep', '1', '--db', path]);
    expect(stderr).toMatch(/\nRemoved 1 older\.\n$/);
    expect([existsSync(kept), existsSync(old)]).toEqual([true, false]);
  });

  it.each([
    ['without an identity', { identity: undefined, host: undefined }],
    ['of another host', { host: 'elsewhere' }],
    ['of another path', { source: '/elsewhere/pylon.db' }],
  ])('keeps one %s, and says so', async (_, manifest) => {
    const path = await database();
    const folder = temporaryFolder();
    const unsure = await backupAt(NOON, path, join(folder, 'unsure.db'));
    changeManifest(unsure, manifest);
    const pruned = await json(['backup', folder, '--keep', '1', '--db', path]);
    expect(pruned).toMatchObject({ pruned: [], unsure: [unsure] });
    expect(existsSync(unsure)).toBe(true);
    const { stderr } = await pylonDb(['backup', folder, '--keep', '2', '--db', path]);
    expect(stderr).toMatch(/Kept 1 that may be another database's/);
  });

  it('counts those of a former place that --from names', async () => {
    const path = await database();
    const folder = temporaryFolder();
    const [here, there] = ['here.db', 'there.db'].map((name) => join(folder, name));
    changeManifest(await backupAt(NOON, path, String(here)), { source: '/old/pylon.db' });
    changeManifest(await backupAt(NOON, path, String(there)), {
      source: '/old/pylon.db',
      host: 'elsewhere',
    });
    const keep = ['backup', folder, '--keep', '1', '--db', path];
    expect(await json([...keep, '--from', '/old/pylon.db'])).toMatchObject({
      pruned: [here],
      unsure: [there],
    });
    const again = await json([...keep, '--from', 'elsewhere:/old/pylon.db']);
    expect(again).toMatchObject({ pruned: [expect.any(String), there], unsure: [] });
    expect(dbFiles(folder)).toHaveLength(1);
  });

  it('refuses --from without it', async () => {
    const path = await database();
    const outcome = await pylonDb(['backup', '--from', '/old/pylon.db', '--db', path]);
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
  });

  it('removes those with a time from the future first, so that none holds a place for ever', async () => {
    const path = await database();
    const folder = temporaryFolder();
    const future = await backupAt(NOON * 2, path, join(folder, 'future.db'));
    const old = await backupAt(1000, path, join(folder, 'old.db'));
    const list = await json(['backup', 'list', folder]);
    expect(list).toMatchObject([
      { path: old, from_future: false },
      { path: future, from_future: true },
    ]);
    const { stderr } = await pylonDb(['backup', 'list', folder]);
    expect(stderr).toContain('One backup carries a time from the future');
    expect(await json(['backup', folder, '--keep', '2', '--db', path])).toMatchObject({
      pruned: [future],
    });
    expect(existsSync(old)).toBe(true);
  });
});

describe('check', () => {
  it("reports this database's newest backup only", async () => {
    const [path, other] = [await database(), await another()];
    const folder = join(dirname(path), 'backups');
    mkdirSync(folder, { mode: 0o700 });
    await pylonDb(['backup', join(folder, 'other.db'), '--db', other]);
    expect(await json(['check', '--db', path])).toMatchObject({ last_backup: null });
    const own = await backupAt(1000, path, join(folder, 'own.db'));
    expect(await json(['check', '--db', path])).toMatchObject({ last_backup: { path: own } });
  });

  it('gives no age to a backup from the future', async () => {
    const path = await database();
    const folder = join(dirname(path), 'backups');
    mkdirSync(folder, { mode: 0o700 });
    await backupAt(NOON * 2, path, join(folder, 'future.db'));
    expect(await json(['check', '--db', path])).toMatchObject({
      last_backup: { age_seconds: null },
    });
    const { stdout } = await pylonDb(['check', '--db', path]);
    expect(stdout).toMatch(/last backup +\S+ \S+ UTC, a time from the future: /);
  });
});

describe("restore of another database's backup", () => {
  async function backupOf(path: string): Promise<string> {
    const to = join(temporaryFolder(), 'copy.db');
    await pylonDb(['backup', to, '--db', path]);
    return to;
  }
  const jobs = (path: string) => valueOutside(path, 'select group_concat(id) from jobs');

  it('is refused before anything is changed, unless --replace-other is given', async () => {
    const [path, other] = [await database(), await another()];
    const backup = await backupOf(other);
    for (const more of [[], ['--force'], ['--dry-run']]) {
      const outcome = await pylonDb(['restore', backup, ...more, '--db', path]);
      expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
      expect(outcome.stderr).toContain(
        `is of another database: its identity is ${identityOf(other)}`,
      );
      expect(outcome.stderr).toContain('Nothing was changed. --replace-other');
    }
    expect([jobs(path), dbFiles(dirname(path))]).toEqual(['a,b', ['pylon.db']]);
    const outcome = await pylonDb(['restore', backup, '--replace-other', '--db', path]);
    expect(outcome.exitCode).toBe(0);
    expect([jobs(path), identityOf(path)]).toEqual(['of another', identityOf(other)]);
  });

  it('--replace-other skips no other check', async () => {
    const [path, other] = [await database(), await another()];
    const backup = await backupOf(other);
    changeManifest(backup, { sha256: '0'.repeat(64) });
    const outcome = await pylonDb(['restore', backup, '--replace-other', '--db', path]);
    expect(outcome).toMatchObject({ exitCode: 4, stdout: '' });
    expect(jobs(path)).toBe('a,b');
  });

  it('asks nothing over a database without rows, or where there is none', async () => {
    const backup = await backupOf(await another());
    const path = join(temporaryFolder(), 'pylon.db');
    expect((await pylonDb(['restore', backup, '--db', path])).exitCode).toBe(0);
    const empty = join(temporaryFolder(), 'pylon.db');
    await pylonDb(['migrate', 'up', '--db', empty]);
    expect((await pylonDb(['restore', backup, '--db', empty])).exitCode).toBe(0);
    expect([jobs(path), jobs(empty)]).toEqual(['of another', 'of another']);
  });

  it('asks nothing for a backup that is older than identities', async () => {
    const other = await another();
    const later = Object.keys(migrations).filter((name) => name >= '004_pylon_db_identity').length;
    await pylonDb(['migrate', 'down', '--steps', String(later), '--db', other]);
    const backup = await backupOf(other);
    expect(manifestOf(backup).identity).toBeNull();
    const path = await database();
    expect((await pylonDb(['restore', backup, '--db', path])).exitCode).toBe(0);
    expect(jobs(path)).toBe('of another');
  });

  it('is refused by what the file says, whatever its manifest lost', async () => {
    const [path, other] = [await database(), await another()];
    const backup = await backupOf(other);
    changeManifest(backup, { identity: undefined });
    expect((await pylonDb(['restore', backup, '--db', path])).exitCode).toBe(2);
    expect(jobs(path)).toBe('a,b');
  });
});

it('a copy is another database, with an identity of its own', async () => {
  const path = await database();
  const to = join(temporaryFolder(), 'copied.db');
  expect((await pylonDb(['copy', '--from', path, '--to', to])).exitCode).toBe(0);
  expect(identityOf(to)).not.toBe(identityOf(path));
  const file = join(temporaryFolder(), basename(path));
  copyFileSync(path, file);
  expect(identityOf(file)).toBe(identityOf(path));
});
