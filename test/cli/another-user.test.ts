import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { give, homeOf, needsAnotherUser, pylonDbAsUser, USER } from '../another-user.js';
import { backup, backupAt, database, NOON } from './backed-up.js';
import { pylonDb } from './command.js';

beforeEach(needsAnotherUser);

/** A database of the user's. */
async function databaseOfUser(): Promise<string> {
  const home = homeOf();
  const path = join(home, 'pylon.db');
  copyFileSync(await database(), path);
  give(home);
  return path;
}

/** A database of the user's with two backups, of which root made the newer with sudo. */
async function withBackupOfRoot() {
  const path = await databaseOfUser();
  const folder = join(path, '../backups');
  mkdirSync(folder, { mode: 0o700 });
  const own = await backupAt(NOON, path, join(folder, 'own.db'));
  give(folder);
  const { exitCode, stdout } = await pylonDb(['backup', '--db', path]);
  expect(exitCode).toBe(0);
  return { path, folder, own, ofRoot: stdout.trim() };
}

const unreadable = (folder: string, ofRoot: string) =>
  `One backup can't be read, and nothing removes it: ${ofRoot}.json belongs to root, and user ${USER} may not use it. \`sudo chown -R ${USER} ${folder}\` gives it back.\n`;

describe('a backup that root made once with sudo', () => {
  it('is listed as unreadable, with what gives it back, among the others', async () => {
    const { path, folder, own, ofRoot } = await withBackupOfRoot();
    const { status, stdout } = pylonDbAsUser('backup', 'list', '--db', path, '--json');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject([
      { path: ofRoot, state: 'unreadable', manifest: null },
      { path: own, state: 'complete' },
    ]);
    // A finding, so that cron mails it.
    const { stderr } = pylonDbAsUser('backup', 'list', '--db', path, '--quiet');
    expect(stderr).toBe(`pylon-db: ${unreadable(folder, ofRoot)}`);
  });

  it('is a note of check, next to the last that can be read', async () => {
    const { path, own, ofRoot } = await withBackupOfRoot();
    const { status, stdout, stderr } = pylonDbAsUser('check', '--db', path, '--json');
    expect(status, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      last_backup: { path: own },
      findings: [{ check: 'backups', severity: 'note', rows: [ofRoot] }],
    });
  });

  it("stops no backup of the user's: the old ones go, and it stays", async () => {
    const { path, folder, own, ofRoot } = await withBackupOfRoot();
    expect(pylonDbAsUser('backup', '--db', path).status).toBe(0);
    const args = ['backup', '--keep', '1', '--db', path, '--quiet'];
    const { status, stdout, stderr } = pylonDbAsUser(...args);
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: `pylon-db: ${unreadable(folder, ofRoot)}`,
    });
    expect(existsSync(stdout.trim())).toBe(true);
    expect(existsSync(ofRoot)).toBe(true);
    // The new one, and root's, which is not counted.
    expect(readdirSync(folder).filter((name) => name.endsWith('.db'))).toHaveLength(2);
    expect(existsSync(own)).toBe(false);
  });

  it.each([
    ['verify', (backup: string) => ['backup', 'verify', backup]],
    ['restore', (backup: string, path: string) => ['restore', backup, '--db', path]],
  ])('is not called damaged by %s: it says whose it is', async (_, command) => {
    const { path, ofRoot } = await withBackupOfRoot();
    for (const file of [`${ofRoot}.json`, ofRoot]) {
      const { status, stderr } = pylonDbAsUser(...command(ofRoot, path));
      expect({ status, stderr }).toEqual({
        status: 1,
        stderr: expect.stringContaining(
          `pylon-db: ${file} belongs to root, and user ${USER} may not use it. \`sudo chown -R ${USER} ${file}\` gives it back`,
        ),
      });
      chownSync(file, USER, USER);
    }
  });
});

/** A folder that the user may look into but not write to, and one that it may not look into. */
describe.each([0o755, 0o700])("root's folder of mode %o", (mode) => {
  function folderOfRoot(): string {
    const folder = join(homeOf(0), 'folder');
    mkdirSync(folder);
    chmodSync(folder, mode);
    return folder;
  }

  it.each([
    ['backup, into it', (to: string) => ['backup', `${to}/`]],
    ['backup, to a file', (to: string) => ['backup', join(to, 'copy.db')]],
    ['export', (to: string) => ['export', 'jobs', '--out', join(to, 'jobs.csv')]],
    ['export --all', (to: string) => ['export', '--all', '--out', join(to, 'all')]],
  ])('is refused by %s, naming it and its owner', async (_, command) => {
    const [path, folder] = [await databaseOfUser(), folderOfRoot()];
    const { status, stderr } = pylonDbAsUser(...command(folder), '--db', path, '--json');
    expect(status, stderr).toBe(1);
    const { error } = JSON.parse(stderr);
    expect(error).toMatchObject({ code: 'CANNOT_OPEN' });
    expect(error.message).toContain(`${folder} belongs to root, and user ${USER} may not use `);
    // A folder of the system's is never to be given away.
    expect(error.hint).toBe('Use another place, or run it as a user who may.');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is refused as the place to restore to', async () => {
    const [copy, folder] = [await backup(), folderOfRoot()];
    give(join(copy, '..'));
    const path = join(folder, 'pylon.db');
    const { status, stderr } = pylonDbAsUser('restore', copy, '--db', path, '--json');
    expect(status, stderr).toBe(1);
    expect(JSON.parse(stderr).error).toMatchObject({
      code: 'CANNOT_OPEN',
      message: expect.stringContaining(`${folder} belongs to root`),
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is named by vacuum of a file in it', async () => {
    const folder = folderOfRoot();
    const path = join(folder, 'pylon.db');
    copyFileSync(await database(), path);
    chownSync(path, USER, USER);
    const { status, stderr } = pylonDbAsUser('vacuum', '--db', path, '--json');
    expect(status, stderr).toBe(1);
    expect(JSON.parse(stderr).error).toMatchObject({
      code: 'CANNOT_OPEN',
      message: expect.stringContaining(`${folder} belongs to root`),
    });
  });
});

it("a folder of root's in the user's own is given back by the hint", async () => {
  const path = await databaseOfUser();
  const folder = join(path, '../backups');
  mkdirSync(folder, { mode: 0o700 });
  const { status, stderr } = pylonDbAsUser('backup', '--db', path);
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: expect.stringContaining(`\`sudo chown -R ${USER} ${folder}\` gives it back`),
  });
});

it("check says that it can't look into root's folder of backups, and what helps", async () => {
  const path = await databaseOfUser();
  const folder = join(path, '../backups');
  mkdirSync(folder, { mode: 0o700 });
  expect(pylonDbAsUser('check', '--db', path).stdout).toMatch(
    /^last backup +not known, see below$/m,
  );
  const { status, stdout } = pylonDbAsUser('check', '--db', path, '--json');
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    last_backup: null,
    findings: [
      {
        check: 'backups',
        severity: 'note',
        problem: `${folder} belongs to root, and user ${USER} may not use it`,
        mend: expect.stringContaining(`\`sudo chown -R ${USER} ${folder}\` gives it back`),
      },
    ],
  });
});
