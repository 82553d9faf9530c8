import { readdirSync, readFileSync, realpathSync, statSync, symlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { migrations } from '../../migrations/index.js';
import { isPylonDbError, type Progress, PylonDb } from '../../src/index.js';
import { publishedFile } from '../cli/command.js';
import { failureOf, rejection } from '../engine/failure.js';
import { job } from '../engine/fresh.js';
import { NOON, stored, writeByAnother } from '../file.js';
import { temporaryFolder } from '../temporary.js';
import { allOf, expectTrueManifest, filled, manifestOf, sha256 } from './backups.js';

describe('a backup', () => {
  it('holds schema and rows of the database, and its manifest is true', async () => {
    const { db, path, folder } = await filled();
    const { path: backup, manifest } = await db.backup(join(folder, 'copy.db'));
    expect(backup).toBe(join(folder, 'copy.db'));
    expect(allOf(backup)).toEqual(allOf(path));
    expect(expectTrueManifest(backup)).toEqual(manifest);
    expect(manifest).toMatchObject({
      format: 1,
      pylon_db: JSON.parse(readFileSync('package.json', 'utf8')).version,
      created_at: NOON,
      source: realpathSync(path),
      rows: { jobs: 200, earnings: 1, agents: 1, tick_history: 1 },
      foreign_key_violations: 0,
      migrations: Object.keys(migrations),
    });
    expect(readdirSync(folder)).toEqual(['copy.db', 'copy.db.json']);
  });

  it('opens as a database that can be written', async () => {
    const { db, folder } = await filled();
    const { path } = await db.backup(join(folder, 'copy.db'));
    const copy = await PylonDb.open(path);
    onTestFinished(() => copy.close());
    await copy.jobs.create(job('later'));
    expect((await copy.jobs.countByStatus()).pending).toBe(200);
    expect(await copy.earnings.total()).toBe(5000);
  });

  it('in a folder is named after its second, with a number when that is taken', async () => {
    const { db, folder, time } = await filled();
    const names = [];
    for (let i = 0; i < 3; i++) names.push(basename((await db.backup(folder)).path));
    time.now += 1;
    names.push(basename((await db.backup(folder)).path));
    expect(names).toEqual([
      'pylon-20260701T120000Z.db',
      'pylon-20260701T120000Z-2.db',
      'pylon-20260701T120000Z-3.db',
      'pylon-20260701T120001Z.db',
    ]);
    for (const name of names) expectTrueManifest(join(folder, name));
  });

  it('creates the last folder of a path that ends in a slash, and no other', async () => {
    const { db, folder } = await filled();
    const { path } = await db.backup(`${folder}/new/`);
    expect(dirname(path)).toBe(join(folder, 'new'));
    expect(statSync(join(folder, 'new')).mode & 0o777).toBe(0o700);
    await failureOf(db.backup(`${folder}/not/mounted/`), 'CANNOT_OPEN');
    await failureOf(db.backup(`${folder}/not/mounted.db`), 'CANNOT_OPEN');
    expect(readdirSync(folder)).toEqual(['new']);
  });

  it('of a database in memory is made in its own process', async () => {
    const db = await PylonDb.openInMemory({ clock: () => NOON });
    onTestFinished(() => db.close());
    for (let i = 0; i < 50; i++) await db.jobs.create(job(`job ${i}`));
    const folder = temporaryFolder();
    const writing = db.jobs.create(job('queued before'));
    const { path, manifest } = await db.backup(folder);
    await writing;
    expect(expectTrueManifest(path)).toEqual(manifest);
    expect(manifest).toMatchObject({ source: ':memory:', rows: { jobs: 51 } });
    expect(readdirSync(folder)).toHaveLength(2);
    await db.jobs.create(job('later'));
  });

  it('is made through a handle that can only read, and migrates nothing', async () => {
    const path = publishedFile(temporaryFolder());
    const before = sha256(path);
    const db = await PylonDb.open(path, { readonly: true });
    onTestFinished(() => db.close());
    const { path: backup, manifest } = await db.backup(temporaryFolder());
    expect(expectTrueManifest(backup).migrations).toEqual(['001_initial_schema']);
    expect(manifest.rows).toMatchObject({ jobs: stored(path, 'select 1 from jobs').length });
    expect(sha256(path)).toBe(before);
  });

  it('keeps what other programs wrote against the rules, and counts rows without parent', async () => {
    const { db, path, folder } = await filled();
    writeByAnother(path, "update jobs set status = 'unheard of' where id = 'job 7'");
    writeByAnother(path, "update earnings set job_id = 'no such job'");
    writeByAnother(path, 'create table "their own" (a, b references nowhere (c))');
    writeByAnother(path, 'insert into "their own" values (1, 2), (3, 4)');
    const { path: backup, manifest } = await db.backup(join(folder, 'copy.db'));
    expect(manifest.foreign_key_violations).toBe(3);
    expectTrueManifest(backup);
    expect(allOf(backup)).toEqual(allOf(path));
  });

  it('counts the rows of tables of any name', async () => {
    const { db, path, folder } = await filled();
    writeByAnother(path, 'create table "it\'s ""theirs""" (a); create table __proto__ (a)');
    writeByAnother(path, 'insert into "it\'s ""theirs""" values (1), (2), (3)');
    const { manifest } = await db.backup(join(folder, 'copy.db'));
    expect(manifest.rows['it\'s "theirs"']).toBe(3);
    expect(Object.getOwnPropertyDescriptor(manifest.rows, '__proto__')?.value).toBe(0);
    expect(expectTrueManifest(join(folder, 'copy.db'))).toEqual(manifest);
  });

  it('can be read by nobody else, whatever the umask, at no moment', async () => {
    const { db, folder } = await filled();
    const before = process.umask(0);
    onTestFinished(() => void process.umask(before));
    const seen = new Set<string>();
    await db.backup(folder, {
      onProgress() {
        for (const name of readdirSync(folder)) {
          seen.add(`${(statSync(join(folder, name)).mode & 0o777).toString(8)}`);
        }
      },
    });
    expect([...seen]).toEqual(['600']);
    for (const name of readdirSync(folder)) {
      expect(statSync(join(folder, name)).mode & 0o777, name).toBe(0o600);
    }
  });

  it('goes on when the database is closed meanwhile', async () => {
    const { db, path, folder } = await filled();
    const making = db.backup(folder);
    await db.close();
    const backup = await making;
    expectTrueManifest(backup.path);
    expect(allOf(backup.path)).toEqual(allOf(path));
  });

  it('that is one of many at once keeps to a name of its own', async () => {
    const { db, folder } = await filled();
    const made = await Promise.all(Array.from({ length: 4 }, () => db.backup(folder)));
    const paths = made.map(({ path }) => path);
    expect(new Set(paths).size).toBe(4);
    for (const path of paths) expectTrueManifest(path);
    expect(readdirSync(folder)).toHaveLength(8);

    const ended = await Promise.allSettled(
      Array.from({ length: 4 }, () => db.backup(join(folder, 'one.db'))),
    );
    const refused = ended.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
    expect(refused.map((error) => isPylonDbError(error, 'INVALID_ARGUMENT'))).toEqual([
      true,
      true,
      true,
    ]);
    expectTrueManifest(join(folder, 'one.db'));
    expect(readdirSync(folder)).toHaveLength(10);
  });
});

/** A listener so slow that the child has answered meanwhile: stopping it comes too late. */
function untilChildAnswered(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
}

describe('progress', () => {
  it('reports copying, checking and hashing in turn, up to the last byte', async () => {
    const { db, folder } = await filled();
    const reported: Progress[] = [];
    const { manifest } = await db.backup(folder, {
      onProgress: (progress) => reported.push(progress),
    });
    const steps = reported.map(({ step }) => step).filter((step, i, all) => step !== all[i - 1]);
    expect(steps).toEqual(['copying', 'checking', 'hashing']);
    const bytes = manifest.size_bytes;
    expect(reported.at(-1)).toEqual({ step: 'hashing', done: bytes, total: bytes, unit: 'bytes' });
    const copying = reported.find(({ step }) => step === 'copying');
    expect(copying).toMatchObject({ done: 0, unit: 'bytes' });
    expect(Number(copying?.total)).toBeGreaterThan(bytes / 2);
    expect(Number(copying?.total)).toBeLessThan(bytes * 2);
  });

  it.each(['copying', 'checking', 'hashing', 'hashing, too late'])(
    'ends the backup with what its listener throws while %s',
    async (when) => {
      const { db, folder } = await filled();
      // As a broken stream would: it must not be taken for a failure of the backup's own.
      const thrown = Object.assign(new Error('mine'), { code: 'ENOSPC', syscall: 'write' });
      const onProgress = (progress: Progress) => {
        if (!when.startsWith(progress.step)) return;
        if (when.endsWith('too late')) untilChildAnswered();
        throw thrown;
      };
      expect(await rejection(db.backup(folder, { onProgress }))).toBe(thrown);
      expect(readdirSync(folder)).toEqual([]);
    },
  );
});

describe('an AbortSignal', () => {
  it.each(['before', 'copying', 'checking', 'hashing', 'hashing, too late'])(
    'ends the backup with ABORTED, and nothing is left (%s)',
    async (when) => {
      const { db, folder } = await filled();
      const controller = new AbortController();
      const reason = new Error('changed my mind');
      if (when === 'before') controller.abort(reason);
      const onProgress = (progress: Progress) => {
        if (!when.startsWith(progress.step)) return;
        if (when.endsWith('too late')) untilChildAnswered();
        controller.abort(reason);
      };
      const { signal } = controller;
      const error = await failureOf(db.backup(folder, { onProgress, signal }), 'ABORTED');
      expect(error.operation).toBe('db.backup');
      expect(error.cause).toBe(reason);
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  it('keeps the backup that it would have replaced', async () => {
    const { db, folder } = await filled();
    const { path, manifest } = await db.backup(join(folder, 'copy.db'));
    const signal = AbortSignal.timeout(1);
    await failureOf(db.backup(path, { force: true, signal }), 'ABORTED');
    expect(expectTrueManifest(path)).toEqual(manifest);
  });
});

it('names the database without links in the manifest', async () => {
  const { path, folder } = await filled();
  symlinkSync(dirname(path), join(folder, 'way'));
  const db = await PylonDb.open(join(folder, 'way/pylon.db'));
  onTestFinished(() => db.close());
  await db.backup(join(folder, 'copy.db'));
  expect(manifestOf(join(folder, 'copy.db')).source).toBe(realpathSync(path));
});
