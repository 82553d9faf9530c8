import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { failureOf } from '../engine/failure.js';
import { job } from '../engine/fresh.js';
import { testFile } from '../file.js';
import { temporaryFolder } from '../temporary.js';
import { allOf, expectTrueManifest, filled } from './backups.js';

describe('refused is', () => {
  it('a backup inside a transaction, or of a closed database', async () => {
    const { db, folder } = await filled();
    await db.transaction(async () => {
      const error = await failureOf(db.backup(folder), 'OUTER_HANDLE_IN_TRANSACTION');
      expect(error.operation).toBe('db.backup');
    });
    await db.close();
    await failureOf(db.backup(folder), 'CLOSED');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('a name that is taken, unless it is forced', async () => {
    const { db, folder } = await filled();
    const path = join(folder, 'copy.db');
    writeFileSync(path, 'somebody else');
    const error = await failureOf(db.backup(path), 'INVALID_ARGUMENT');
    expect(error.field).toBe('destination');
    expect(error.hint).toMatch(/force/);
    expect(readFileSync(path, 'utf8')).toBe('somebody else');
    await db.backup(path, { force: true });
    expectTrueManifest(path);

    await db.jobs.create(job('since'));
    await failureOf(db.backup(path), 'INVALID_ARGUMENT');
    await db.backup(path, { force: true });
    expect(expectTrueManifest(path).rows['jobs']).toBe(201);
    expect(readdirSync(folder)).toEqual(['copy.db', 'copy.db.json']);
  });

  it("a name whose manifest's name is taken", async () => {
    const { db, folder } = await filled();
    writeFileSync(join(folder, 'copy.db.json'), '{"mine": 1}');
    await failureOf(db.backup(join(folder, 'copy.db')), 'INVALID_ARGUMENT');
    expect(readdirSync(folder)).toEqual(['copy.db.json']);
    expect(readFileSync(join(folder, 'copy.db.json'), 'utf8')).toBe('{"mine": 1}');
  });

  it('a link to nowhere, and a folder in the place of a manifest, even when forced', async () => {
    const { db, folder } = await filled();
    const link = join(folder, 'link.db');
    symlinkSync(join(folder, 'nowhere'), link);
    mkdirSync(join(folder, 'copy.db.json'));
    for (const path of [link, join(folder, 'copy.db')]) {
      await failureOf(db.backup(path, { force: true }), 'INVALID_ARGUMENT');
    }
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(['copy.db.json', 'link.db']);
  });

  it.each([false, true])('the live database by any name (force: %s)', async (force) => {
    const { db, path, folder } = await filled();
    const before = allOf(path);
    const other = join(folder, 'other.db');
    const wal = join(folder, 'wal.db');
    const way = join(folder, 'way');
    linkSync(path, other);
    linkSync(`${path}-wal`, wal);
    symlinkSync(dirname(path), way);
    symlinkSync(path, join(folder, 'symlink.db'));
    const names = [path, `${path}-wal`, `${path}-shm`, `${path}-journal`, path.toUpperCase()];
    names[4] = join(dirname(path), 'PYLON.DB');
    names.push(other, wal, join(way, 'pylon.db'), join(way, 'pylon.db-journal'));
    names.push(join(folder, 'symlink.db'));
    for (const name of names) {
      const error = await failureOf(db.backup(name, { force }), 'INVALID_ARGUMENT');
      expect(error.field, name).toBe('destination');
    }
    expect(readdirSync(dirname(path)).sort()).toEqual(['pylon.db', 'pylon.db-shm', 'pylon.db-wal']);
    expect(allOf(path)).toEqual(before);
    await db.jobs.create(job('still written'));
  });

  it('a name whose manifest would be the live database', async () => {
    const { db, path } = await testFile({}, join(temporaryFolder(), 'pylon.json'));
    const destination = path.replace(/\.json$/, '');
    await failureOf(db.backup(destination, { force: true }), 'INVALID_ARGUMENT');
    expect(existsSync(destination)).toBe(false);
    await db.jobs.create(job('still written'));
  });

  it.each(['-wal', '-shm', '-journal'])("a name next to another's %s", async (suffix) => {
    const { db, folder } = await filled();
    writeFileSync(join(folder, `copy.db${suffix}`), 'left by a crash');
    const call = db.backup(join(folder, 'copy.db'), { force: true });
    expect((await failureOf(call, 'INVALID_ARGUMENT')).message).toContain(`copy.db${suffix}`);
    expect(readdirSync(folder)).toEqual([`copy.db${suffix}`]);
  });

  const BAD: readonly (readonly [destination: unknown, options: unknown, field: string])[] = [
    ['', {}, 'destination'],
    [7, {}, 'destination'],
    [undefined, {}, 'destination'],
    ['a\0b', {}, 'destination'],
    [':memory:', {}, 'destination'],
    ['file:///tmp/a.db', {}, 'destination'],
    ['copy.db', null, 'options'],
    ['copy.db', { force: 1 }, 'force'],
    ['copy.db', { force: 'yes' }, 'force'],
    ['copy.db', { onProgress: 'f' }, 'onProgress'],
    ['copy.db', { signal: new AbortController() }, 'signal'],
    ['copy.db', { overwrite: true }, 'overwrite'],
  ];

  it.each(BAD)('%j with %j', async (destination, options, field) => {
    const { db, folder } = await testFile().then((file) => ({
      ...file,
      folder: temporaryFolder(),
    }));
    const given = destination === 'copy.db' ? join(folder, destination) : destination;
    const call = Reflect.apply(db.backup, db, [given, options]) as Promise<unknown>;
    const error = await failureOf(call, 'INVALID_ARGUMENT');
    expect(error.field).toBe(field);
    expect(error.operation).toBe('db.backup');
    expect(readdirSync(folder)).toEqual([]);
  });
});
