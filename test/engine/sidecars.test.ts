import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { generateTypes } from '../../src/codegen/index.js';
import { PylonDb } from '../../src/index.js';
import { pylonDb } from '../cli/command.js';
import { migratedFile } from '../migrated-file.js';
import { temporaryFolder } from '../temporary.js';
import { failureOf } from './failure.js';

/** Nobody in particular; only root may give files away. */
const MALLORY = 12_345;
const GROUP = 54_321;
const IS_ROOT = process.geteuid?.() === 0;

async function database(): Promise<string> {
  const path = join(temporaryFolder(), 'pylon.db');
  migratedFile(path);
  return path;
}

/** Every way in which we open a file. */
const WAYS: readonly (readonly [string, (path: string) => Promise<unknown>])[] = [
  ['PylonDb.open', (path) => PylonDb.open(path)],
  ['a readonly open', (path) => PylonDb.open(path, { readonly: true })],
  ['codegen', (path) => generateTypes(path)],
];

describe.each(['-wal', '-shm', '-journal'])('a %s next to the database', (suffix) => {
  it.each(WAYS)('that is a link stops %s, and nothing is written through it', async (_, open) => {
    const path = await database();
    const loot = join(temporaryFolder(), 'loot');
    writeFileSync(loot, '');
    symlinkSync(loot, path + suffix);
    const error = await failureOf(open(path), 'CANNOT_OPEN');
    expect(error.message).toContain(`${path}${suffix} is a link`);
    expect(statSync(loot).size).toBe(0);
  });

  it.runIf(IS_ROOT).each(WAYS)("that is another user's stops %s", async (_, open) => {
    const path = await database();
    writeFileSync(path + suffix, '');
    chownSync(path + suffix, MALLORY, MALLORY);
    const error = await failureOf(open(path), 'CANNOT_OPEN');
    expect(error.message).toContain(`${path}${suffix} belongs to user ${MALLORY}`);
    expect(lstatSync(path + suffix).size).toBe(0);
  });

  it.runIf(IS_ROOT)("that is the database owner's is used", async () => {
    const path = await database();
    for (const file of [path, path + suffix]) {
      if (!existsSync(file)) writeFileSync(file, '');
      chownSync(file, MALLORY, MALLORY);
    }
    await (await PylonDb.open(path)).close();
  });

  it.runIf(IS_ROOT)('is refused to a user outside of the group that may write', async () => {
    const path = await database();
    chownSync(path, 0, GROUP);
    chmodSync(path, 0o660);
    writeFileSync(path + suffix, '');
    chownSync(path + suffix, MALLORY, MALLORY);
    await failureOf(PylonDb.open(path), 'CANNOT_OPEN');
    // Its owner's own group is that of a user whom the system doesn't know.
    chownSync(path, 0, Number((await import('node:os')).userInfo().gid));
    chownSync(path + suffix, 0, GROUP);
    await (await PylonDb.open(path)).close();
  });
});

it('a sidecar of ours that others may read is closed to them before it is used', async () => {
  const path = await database();
  writeFileSync(`${path}-wal`, '', { mode: 0o666 });
  chmodSync(`${path}-wal`, 0o666);
  const db = await PylonDb.open(path);
  await db.earnings.record({ id: 'e', amount_msats: 1, source: 'tip', preimage: 'a'.repeat(64) });
  expect(statSync(`${path}-wal`).mode & 0o777).toBe(0o600);
  await db.close();
});

it('a sidecar keeps the rights that the database gives as well', async () => {
  const path = await database();
  chmodSync(path, 0o660);
  writeFileSync(`${path}-wal`, '');
  chmodSync(`${path}-wal`, 0o666);
  const db = await PylonDb.open(path);
  expect(statSync(`${path}-wal`).mode & 0o777).toBe(0o660);
  await db.close();
});

it('commands refuse it too, and their children', async () => {
  const path = await database();
  symlinkSync(join(temporaryFolder(), 'loot'), `${path}-wal`);
  for (const args of [
    ['info'],
    ['check'],
    ['query', 'select 1'],
    ['backup'],
    ['vacuum'],
    ['export', 'jobs'],
  ]) {
    const { exitCode, stderr } = await pylonDb([...args, '--db', path]);
    expect([exitCode, stderr], args[0]).toEqual([1, expect.stringContaining('-wal is a link')]);
  }
});
