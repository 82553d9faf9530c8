import { chmodSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { migratedFile } from '../migrated-file.js';
import { temporaryFolder } from '../temporary.js';
import { failureOf } from './failure.js';
import { job } from './fresh.js';

const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);

let folder: string;

beforeEach(() => {
  folder = temporaryFolder();
  // The widest: what is private must be created so, whatever the user's own mask.
  const mask = process.umask(0);
  onTestFinished(() => {
    process.umask(mask);
  });
});

async function openAndWrite(path: string): Promise<PylonDb> {
  const db = await PylonDb.open(path);
  onTestFinished(() => db.close());
  await db.jobs.create(job('a'));
  return db;
}

describe('a new file', () => {
  it('is its owner’s alone, with its folders and sidecars', async () => {
    const path = join(folder, 'new/deep/pylon.db');
    await openAndWrite(path);
    expect([mode(join(folder, 'new')), mode(join(folder, 'new/deep'))]).toEqual(['700', '700']);
    expect([path, `${path}-wal`, `${path}-shm`].map(mode)).toEqual(['600', '600', '600']);
  });

  it('leaves the mode of a folder that is there', async () => {
    chmodSync(folder, 0o755);
    await openAndWrite(join(folder, 'pylon.db'));
    expect(mode(folder)).toBe('755');
  });

  it('is made under an absolute path', async () => {
    const db = await openAndWrite(join(folder, 'x/../pylon.db'));
    expect(db.path).toBe(join(folder, 'pylon.db'));
  });
});

describe('an adopted file', () => {
  it.each(['644', '640', '600'])('keeps its mode %s, and gives it to its sidecars', async (was) => {
    const path = join(folder, 'pylon.db');
    migratedFile(path);
    chmodSync(path, Number.parseInt(was, 8));
    await openAndWrite(path);
    expect([path, `${path}-wal`, `${path}-shm`].map(mode)).toEqual([was, was, was]);
  });
});

describe('~', () => {
  beforeEach(() => {
    vi.stubEnv('HOME', folder);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
  });

  it('is the home of the user', async () => {
    const db = await openAndWrite('~/elsewhere/pylon.db');
    expect(db.path).toBe(join(folder, 'elsewhere/pylon.db'));
    expect(existsSync(db.path)).toBe(true);
  });

  it('is where the published system keeps its file', async () => {
    const db = await PylonDb.open();
    onTestFinished(() => db.close());
    expect(db.path).toBe(join(folder, '.pylon/pylon.db'));
    expect([mode(join(folder, '.pylon')), mode(db.path)]).toEqual(['700', '600']);
  });

  it('is a plain character elsewhere in a path', async () => {
    const db = await openAndWrite(join(folder, 'a~b/~/pylon.db'));
    expect(db.path).toBe(join(folder, 'a~b/~/pylon.db'));
  });
});

describe('what is not a path of a file', () => {
  it.each(['mysql://user:secret@host/db', 'https://host/pylon.db', 'file:///tmp/pylon.db'])(
    '%s is not supported, and creates nothing',
    async (text) => {
      const before = readdirSync(process.cwd());
      const error = await failureOf(PylonDb.open(text), 'NOT_SUPPORTED');
      expect(`${error.message} ${error.hint}`).not.toContain('secret');
      expect(readdirSync(process.cwd())).toEqual(before);
    },
  );

  it.each(['', 'a\0b', '\ud800'])('%j is refused', async (text) => {
    expect((await failureOf(PylonDb.open(text), 'INVALID_ARGUMENT')).field).toBe('path');
  });

  it('a path below a file cannot be opened', async () => {
    const path = join(folder, 'pylon.db');
    migratedFile(path);
    const below = join(path, 'pylon.db');
    expect((await failureOf(PylonDb.open(below), 'CANNOT_OPEN')).path).toBe(below);
  });
});

describe('options', () => {
  it.each([
    ['readonly', 1],
    ['migrate', 'no'],
    ['migrations', 5],
    ['durability', 'some'],
    ['busyTimeoutMs', -1],
    ['busyTimeoutMs', 1.5],
    ['clock', 5],
    ['onQuery', 'log'],
    ['readOnly', true],
  ])('{ %s: %j } is refused by name, and creates nothing', async (field, value) => {
    const options: object = { [field]: value };
    const call = PylonDb.open(join(folder, 'new/pylon.db'), options);
    expect((await failureOf(call, 'INVALID_ARGUMENT')).field).toBe(field);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('that are undefined count as left out', async () => {
    mkdirSync(join(folder, 'x'));
    const options: object = { readonly: undefined, clock: undefined, durability: undefined };
    await (await PylonDb.open(join(folder, 'x/pylon.db'), options)).close();
  });
});
