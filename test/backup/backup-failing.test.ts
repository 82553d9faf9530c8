import {
  chownSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isPylonDbError, type Progress, PylonDb } from '../../src/index.js';
import { failureOf } from '../engine/failure.js';
import { job } from '../engine/fresh.js';
import { stored } from '../file.js';
import { fill, NO_TMPFS, smallDisk } from '../small-disk.js';
import { temporaryFolder } from '../temporary.js';
import { allOf, expectTrueManifest, filled, temporariesIn } from './backups.js';

it('of a damaged database no backup is made', async () => {
  const { db, path, folder } = await filled();
  const isLeafOfJobs = "name = 'jobs' and pagetype = 'leaf'";
  const [page] = stored(path, `select pageno from dbstat where ${isLeafOfJobs}`);
  await db.close();
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(4096, 0xff), 0, 4096, (Object(page).pageno - 1) * 4096);
  closeSync(file);
  const damaged = await PylonDb.open(path, { readonly: true });
  onTestFinished(() => damaged.close());
  const error = await failureOf(damaged.backup(folder), 'CORRUPT');
  expect(error.message).toContain(path);
  expect(readdirSync(folder)).toEqual([]);
});

it('a full disk is reported, and nothing of the backup is left on it', async (context) => {
  const { db, path } = await filled();
  const { manifest } = await db.backup(temporaryFolder());
  const bytes = manifest.size_bytes;
  const disk = smallDisk(2 * bytes);
  if (disk === undefined) return context.skip(NO_TMPFS);
  const ballast = join(disk, 'ballast');
  const room = (left: number) => writeFileSync(ballast, Buffer.alloc(2 * bytes - left));
  // A page for SQLite's journal while it copies; later one for the manifest.
  const rooms = [0, bytes / 2, bytes, bytes + 8192];
  const codes = [];
  for (const left of rooms) {
    room(left);
    const error = await db.backup(disk).catch((reason: unknown) => reason);
    if (isPylonDbError(error)) {
      codes.push(error.code);
      expect(error.message).toContain(disk);
      expect(readdirSync(disk)).toEqual(['ballast']);
    }
  }
  expect(codes).toEqual(Array.from({ length: rooms.length - 1 }, () => 'DISK_FULL'));
  const [backup = ''] = readdirSync(disk).filter((name) => name.endsWith('.db'));
  expectTrueManifest(join(disk, backup));
  expect(allOf(join(disk, backup))).toEqual(allOf(path));
});

it('a disk that is full when the manifest is written keeps nothing of the backup', async (context) => {
  const { db } = await filled();
  const disk = smallDisk(4 * 1024 * 1024);
  if (disk === undefined) return context.skip(NO_TMPFS);
  const onProgress = ({ step }: Progress) => {
    if (step === 'hashing') fill(disk);
  };
  await failureOf(db.backup(disk, { onProgress }), 'DISK_FULL');
  expect(readdirSync(disk)).toEqual(['ballast']);
});

it('a full disk is reported for a database in memory too', async (context) => {
  const disk = smallDisk(64 * 1024);
  if (disk === undefined) return context.skip(NO_TMPFS);
  const db = await PylonDb.openInMemory();
  onTestFinished(() => db.close());
  await failureOf(db.backup(disk), 'DISK_FULL');
  expect(readdirSync(disk)).toEqual([]);
  await db.jobs.create(job('still written'));
});

describe('what a dead process left', () => {
  /** A name as another process would have given. `start` tells it from a later one of that pid. */
  async function nameBy(pid: number, change: (name: string) => string = (name) => name) {
    const { partialPath } = await import('../../src/backup/partial-files.js');
    const name = basename(partialPath('/', 'copy.db'));
    return change(name.replace(`.${process.pid}-`, `.${pid}-`));
  }
  const DEAD = 2 ** 22 + 1;

  it('is removed by the next backup, with the name that it had reserved', async () => {
    const { db, folder } = await filled();
    const left = [await nameBy(DEAD), await nameBy(process.ppid), await nameBy(1)];
    for (const name of left) writeFileSync(join(folder, name), 'half a copy');
    writeFileSync(join(folder, `${left[0]}-journal`), 'half a journal');
    writeFileSync(join(folder, 'copy.db.json'), '');
    await db.backup(join(folder, 'other.db'));
    expect(readdirSync(folder)).toEqual(['other.db', 'other.db.json']);
  });

  it('takes no backup with it, and no file of somebody else', async () => {
    const { db, folder } = await filled();
    await db.backup(join(folder, 'copy.db'));
    writeFileSync(join(folder, await nameBy(DEAD)), 'half a copy');
    const mine = ['.copy.db.partial', '.copy.db.1-2.partial', 'copy.db.1-1-1-1.partial', '.x'];
    for (const name of mine) writeFileSync(join(folder, name), '');
    await db.backup(join(folder, 'other.db'));
    const backups = ['copy.db', 'copy.db.json', 'other.db', 'other.db.json'];
    expect(readdirSync(folder).sort()).toEqual([...mine, ...backups].sort());
    expectTrueManifest(join(folder, 'copy.db'));
  });

  it('is left alone while its process lives, or may live on another machine', async () => {
    const { db, folder } = await filled();
    const other = (name: string) =>
      name.replace(/-[0-9a-f]{8}-(?=[0-9a-f]+\.partial)/, '-0abc1234-');
    const own = await nameBy(process.pid);
    const elsewhere = await nameBy(DEAD, other);
    const abandoned = (await nameBy(DEAD, other)).replace('.copy', '.abandoned');
    for (const name of [own, elsewhere, abandoned]) writeFileSync(join(folder, name), 'growing');
    const twoDaysAgo = Date.now() / 1000 - 2 * 24 * 3600;
    utimesSync(join(folder, abandoned), twoDaysAgo, twoDaysAgo);
    await db.backup(join(folder, 'other.db'));
    expect(temporariesIn(folder).sort()).toEqual([own, elsewhere].sort());
    expect(elsewhere).toContain('-0abc1234-');
  });

  it('is not removed for its name alone: a link, a folder, a file of another user', async () => {
    const { db, folder } = await filled();
    const loot = join(temporaryFolder(), 'loot');
    writeFileSync(loot, 'mine');
    const [link, another, inFolder] = [await nameBy(DEAD), await nameBy(DEAD), await nameBy(DEAD)];
    symlinkSync(loot, join(folder, link));
    mkdirSync(join(folder, inFolder));
    const left = [link, inFolder];
    // Only root may give files away.
    if (process.geteuid?.() === 0) {
      writeFileSync(join(folder, another), '');
      chownSync(join(folder, another), 12_345, 12_345);
      left.push(another);
    }
    // What they pretend to have reserved.
    writeFileSync(join(folder, 'copy.db.json'), '');
    await db.backup(join(folder, 'other.db'));
    expect(readdirSync(folder).sort()).toEqual(
      [...left, 'copy.db.json', 'other.db', 'other.db.json'].sort(),
    );
    expect(readFileSync(loot, 'utf8')).toBe('mine');
  });

  it('takes no name with it that a living one has reserved', async () => {
    const { db, folder } = await filled();
    for (const pid of [DEAD, process.pid])
      writeFileSync(join(folder, await nameBy(pid)), 'growing');
    writeFileSync(join(folder, 'copy.db.json'), '');
    await db.backup(join(folder, 'other.db'));
    expect(temporariesIn(folder)).toHaveLength(1);
    expect(readdirSync(folder)).toContain('copy.db.json');
  });
});
