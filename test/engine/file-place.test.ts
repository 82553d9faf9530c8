import { copyFileSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { vacuum } from '../../src/cli/vacuum/task.js';
import { isPylonDbError, PylonDb, type PylonDbErrorOf } from '../../src/index.js';
import { temporaryFolder } from '../temporary.js';
import { rejection } from './failure.js';
import { agent, job } from './fresh.js';
import { readOutside, valueOutside, writeOutside } from './outside.js';

const freshPath = () => join(temporaryFolder(), 'pylon.db');

/** A database with a job `old`, and next to it `copy.db`, which knows of nothing later. */
async function openWithCopy(path = freshPath()) {
  const db = await PylonDb.open(path);
  await db.jobs.create(job('old'));
  const copy = join(path, '../copy.db');
  writeOutside(path, `vacuum into '${copy}'`);
  await db.jobs.create(job('acknowledged'));
  return { db, path, copy };
}

/** Creates jobs until one is refused, which takes a second at most. */
async function createUntilRefused(db: PylonDb): Promise<PylonDbErrorOf<'FILE_REPLACED'>> {
  for (let i = 0; ; i++) {
    try {
      await db.jobs.create(job(`later${i}`));
      await nextTurn();
    } catch (error) {
      if (isPylonDbError(error, 'FILE_REPLACED')) return error;
      throw error;
    }
  }
}

/** Claims, as an idle worker does, until that is refused. */
async function claimUntilRefused(db: PylonDb): Promise<unknown> {
  for (;;) {
    try {
      await db.jobs.claimNext();
      await nextTurn();
    } catch (error) {
      return error;
    }
  }
}

type Opened = Awaited<ReturnType<typeof openWithCopy>>;

const GOES: Readonly<Record<string, (opened: Opened) => void>> = {
  'was moved away': ({ path }) => renameSync(path, `${path}.moved`),
  'was deleted': ({ path }) => rmSync(path),
  'was replaced by an older copy': ({ path, copy }) => renameSync(copy, path),
  'lost its -wal': ({ path }) => rmSync(`${path}-wal`),
  'got the -wal of another': ({ path, copy }) =>
    copyFileSync(copy, `${path}-new`) ?? renameSync(`${path}-new`, `${path}-wal`),
};

describe.each(Object.entries(GOES))('a file that %s while it is open', (_, go) => {
  it('is away for a worker that finds the queue empty, too', async () => {
    const opened = await openWithCopy();
    while ((await opened.db.jobs.claimNext()) !== undefined);
    go(opened);
    expect(await claimUntilRefused(opened.db)).toMatchObject({ code: 'FILE_REPLACED' });
    await opened.db.close().catch(() => {});
  });

  it('takes no more writes, and says since when it is away', async () => {
    const opened = await openWithCopy();
    const { db, path } = opened;
    const before = Math.floor(Date.now() / 1000);
    go(opened);
    const error = await createUntilRefused(db);
    expect(error).toMatchObject({ code: 'FILE_REPLACED', operation: 'jobs.create', path });
    expect(error.since).toBeGreaterThanOrEqual(before - 1);
    expect(error.message).toContain(new Date(error.since * 1000).toISOString().slice(0, 19));
    const later = await Promise.allSettled([
      db.jobs.create(job('a')),
      db.agents.upsert(agent('b')),
      db.kysely.deleteFrom('jobs').execute(),
      db.transaction((tx) => tx.jobs.create(job('c'))),
      db.backup(join(path, '../backup.db')),
    ]);
    for (const end of later) {
      expect(end).toMatchObject({ status: 'rejected', reason: { code: 'FILE_REPLACED' } });
    }
    // What it had is still read: it may be needed to save what was acknowledged.
    expect(await db.jobs.get('acknowledged')).toMatchObject({ id: 'acknowledged' });
    expect(await rejection(db.close())).toMatchObject({
      code: 'FILE_REPLACED',
      operation: 'db.close',
    });
  });

  it('rolls an open transaction back', async () => {
    const opened = await openWithCopy();
    const { db } = opened;
    const error = await rejection(
      db.transaction(async (tx) => {
        await tx.jobs.create(job('a'));
        go(opened);
        await lookIsDue();
      }),
    );
    expect(error).toMatchObject({ code: 'FILE_REPLACED', operation: 'db.transaction' });
    expect(await db.jobs.get('a')).toBeUndefined();
    await rejection(db.close());
  });

  it('is reported by close, also when nothing was written', async () => {
    const opened = await openWithCopy();
    go(opened);
    expect(await rejection(opened.db.close())).toMatchObject({ code: 'FILE_REPLACED' });
    await expect(opened.db.jobs.get('old')).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

/** Longer than a look at the file holds. */
const lookIsDue = () => new Promise((resolve) => setTimeout(resolve, 1050));

it('closing leaves the file that took the place of another, and its -wal, as they are', async () => {
  const { db, path, copy } = await openWithCopy();
  renameSync(copy, path);
  rmSync(`${path}-wal`);
  rmSync(`${path}-shm`);
  const other = new Database(path);
  other.exec("insert into agents (npub, name, lifecycle_state) values ('theirs', '', 'active')");
  await rejection(db.close());
  other.exec("update agents set name = 'still'");
  expect(readOutside(path, 'select name from agents')).toEqual([{ name: 'still' }]);
  other.close();
  expect(valueOutside(path, 'pragma integrity_check')).toBe('ok');
  expect(readOutside(path, 'select id from jobs')).toEqual([{ id: 'old' }]);
});

it('closing leaves a -wal that another program put next to the file', async () => {
  const { db, path, copy } = await openWithCopy();
  const theirs = readFileSync(copy);
  renameSync(copy, `${path}-wal`);
  await rejection(db.close());
  expect(readFileSync(`${path}-wal`).equals(theirs)).toBe(true);
});

it('what was acknowledged is in the file after close when only its -wal was deleted', async () => {
  const { db, path } = await openWithCopy();
  rmSync(`${path}-wal`);
  await rejection(db.close());
  expect(valueOutside(path, "select count(*) from jobs where id = 'acknowledged'")).toBe(1);
  expect(valueOutside(path, 'pragma integrity_check')).toBe('ok');
});

it('what was acknowledged is in the -wal that is left when the file was moved', async () => {
  const { db, path } = await openWithCopy();
  renameSync(path, `${path}.moved`);
  await rejection(db.close());
  renameSync(`${path}-wal`, `${path}.moved-wal`);
  expect(valueOutside(`${path}.moved`, "select count(*) from jobs where id = 'acknowledged'")).toBe(
    1,
  );
});

it('a readonly database whose file was replaced refuses to answer from the old one', async () => {
  const { db, path, copy } = await openWithCopy();
  await db.close();
  const reader = await PylonDb.open(path, { readonly: true });
  renameSync(copy, path);
  await lookIsDue();
  await expect(reader.jobs.get('old')).rejects.toMatchObject({
    code: 'FILE_REPLACED',
    operation: 'jobs.get',
  });
  await reader.close();
});

it('a link that comes to name another file is a replaced file', async () => {
  const { db, path, copy } = await openWithCopy();
  await db.close();
  const link = join(path, '../link.db');
  symlinkSync(path, link);
  const linked = await PylonDb.open(link);
  await linked.jobs.create(job('a'));
  rmSync(link);
  symlinkSync(copy, link);
  expect(await rejection(linked.close())).toMatchObject({ code: 'FILE_REPLACED', path: link });
});

it('neither vacuum, nor checkpoints, nor connections that come and go replace a file', async () => {
  const { db, path } = await openWithCopy();
  await vacuum({ path, busyTimeoutMs: 1000 }, () => {});
  writeOutside(path, 'pragma wal_checkpoint(truncate)');
  await (await PylonDb.open(path)).close();
  await db.jobs.create({ ...job('large'), customer_pubkey: 'x'.repeat(40_000_000) });
  writeOutside(path, 'pragma wal_checkpoint(truncate)');
  await db.jobs.create(job('after'));
  await db.close();
  expect(valueOutside(path, 'select count(*) from jobs')).toBe(4);
});
