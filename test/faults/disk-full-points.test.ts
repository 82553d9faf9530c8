import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it, onTestFinished } from 'vitest';
import { migrations } from '../../migrations/index.js';
import { isPylonDbError, PylonDb } from '../../src/index.js';
import { Migrator } from '../../src/migrate/migrator.js';
import { rejection } from '../engine/failure.js';
import { agent, job, openFresh } from '../engine/fresh.js';
import { valueOutside } from '../engine/outside.js';
import { freshTotals, rollupTotals } from '../migrate/fresh-aggregate.js';
import { contentsOf } from '../migrate/schema-of.js';
import { temporaryFolder } from '../temporary.js';
import { reported } from './table.js';
import { leaveRoom } from './writer.js';

/** Text that takes a page by itself. */
const LONG = 'x'.repeat(4000);

const causeOf = (error: unknown) => (error instanceof Error ? Object(error.cause).code : undefined);

/** Everything that is stored, but for what SQLite keeps for itself. */
function contents(path: string): Record<string, unknown> {
  const db = new Database(path, { readonly: true });
  try {
    const { sqlite_sequence: _, ...rest } = contentsOf(db);
    return rest;
  } finally {
    db.close();
  }
}

/** Throws unless the file is whole, and each unit and rollup in it too. */
function expectSound(path: string): void {
  const db = new Database(path);
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
  expect(rollupTotals(db)).toEqual(freshTotals(db));
  expect(db.prepare("select count(*) from jobs where status = 'completed'").pluck().get()).toBe(
    db.prepare('select count(*) from earnings').pluck().get(),
  );
  expect(db.prepare('select sum(tick_count) from agents').pluck().get()).toBe(
    db.prepare('select count(*) from tick_history').pluck().get(),
  );
  db.close();
}

const UNITS = {
  'a tick with its counter': (db: PylonDb) =>
    db.agents.recordTick('a', { tick_number: 1, actions_json: `"${LONG}${LONG}"` }),
  'a job with its earning': (db: PylonDb) =>
    db.jobs.completeWithPayment('paid', { price_msats: 1, output_hash: LONG, payment_hash: LONG }),
  'a transaction of many calls': (db: PylonDb) =>
    db.transaction(async (tx) => {
      await tx.jobs.complete('done', { price_msats: 0 });
      await tx.earnings.recordForJob('done', 5, { payment_hash: LONG });
      for (let n = 0; n < 5; n++) {
        await tx.agents.recordTick('a', { tick_number: n, actions_json: `"${LONG}"` });
      }
    }),
  'ten units in one batch': (db: PylonDb) =>
    Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        db.agents.recordTick('a', { tick_number: i, actions_json: `"${LONG}"` }),
      ),
    ),
};

/** Pages of room, from none to enough. */
const ROOMS = [0, 1, 2, 3, 4, 5, 6, 8, 11, 15, 40];

it.each(Object.entries(UNITS))(
  '%s is stored whole or not at all, wherever the disk is full',
  async (name, unit) => {
    let full = 0;
    for (const room of ROOMS) {
      const db = await openFresh();
      await db.agents.upsert(agent('a'));
      for (const id of ['paid', 'done']) await db.jobs.create({ ...job(id), status: 'processing' });
      const before = contents(db.path);
      leaveRoom(db, room);
      const ended = await unit(db).then(
        () => undefined,
        (error: unknown) => error,
      );
      expectSound(db.path);
      if (ended !== undefined) {
        full += 1;
        expect({
          room,
          reported: isPylonDbError(ended, 'DISK_FULL'),
          cause: causeOf(ended),
        }).toEqual({
          room,
          reported: true,
          cause: 'SQLITE_FULL',
        });
        // Of ten units some may have fitted, whole.
        if (!name.startsWith('ten')) expect(contents(db.path)).toEqual(before);
        leaveRoom(db, 10_000);
        await db.transaction(async (tx) => void (await tx.agents.upsert(agent('later'))));
        expect(valueOutside(db.path, "select count(*) from agents where npub = 'later'")).toBe(1);
      }
      await db.close();
    }
    expect(full).toBeGreaterThan(0);
    expect(full).toBeLessThan(ROOMS.length);
    reported(`disk full: ${name}`, {
      tried: `${ROOMS.length} points, from 0 to ${ROOMS.at(-1)} pages of room`,
      figure: `${full} × DISK_FULL with its cause, nothing of them stored; fine with room again`,
    });
  },
);

it('a migration is applied whole or not at all, wherever the disk is full', async () => {
  let full = 0;
  const rooms = Array.from({ length: 30 }, (_, room) => room);
  for (const room of rooms) {
    const path = join(temporaryFolder(), 'pylon.db');
    const db = new Database(path);
    const migrator = new Migrator({ db, path, list: migrations, busyTimeoutMs: 0 });
    await migrator.up('001_initial_schema');
    db.exec("insert into agents (npub, name, lifecycle_state) values ('a', '', 'active')");
    const pages = Number(db.pragma('page_count', { simple: true }));
    db.pragma(`max_page_count = ${pages + room}`);
    const names = () => db.prepare('select name from migrations order by id').pluck().all();
    const steps = [contentsOf(db)];
    const ended = await migrator.up().catch((error: unknown) => error);
    if (ended instanceof Error) {
      full += 1;
      expect(isPylonDbError(ended, 'DISK_FULL'), String(ended)).toBe(true);
      expect(deepCause(ended)).toBe('SQLITE_FULL');
      if (names().length === 1) expect(contentsOf(db)).toEqual(steps[0]);
      db.pragma('max_page_count = 1000000');
      await migrator.up();
    }
    expect(names()).toEqual(Object.keys(migrations));
    expect(rollupTotals(db)).toEqual(freshTotals(db));
    db.close();
  }
  expect(full).toBeGreaterThan(3);
  expect(full).toBeLessThan(rooms.length);
  reported('disk full: migrations', {
    tried: `${rooms.length} points, from 0 to ${rooms.length - 1} pages of room`,
    figure: `${full} × DISK_FULL with its cause, none half-applied; the retry completed`,
  });
});

/** The code of the error at the bottom of a chain. */
function deepCause(error: unknown): unknown {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? Object(error).code : deepCause(cause);
}

/** A file system of its own with so much room, where one may be mounted. */
function smallDisk(bytes: number): string | undefined {
  const folder = join(temporaryFolder(), 'disk');
  mkdirSync(folder);
  const mount = ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder];
  if (spawnSync('mount', mount).status !== 0) return undefined;
  onTestFinished(() => void spawnSync('umount', [folder]));
  return folder;
}

it('a real disk that is full rejects, keeps what it acknowledged, and goes on with room again', async (context) => {
  const folder = smallDisk(2 * 1024 * 1024);
  if (folder === undefined) return context.skip('no tmpfs may be mounted here');
  const ballast = join(folder, 'ballast');
  const db = await PylonDb.open(join(folder, 'pylon.db'));
  await db.agents.upsert(agent('a'));
  writeFileSync(ballast, Buffer.alloc(512 * 1024));
  let acknowledged = 0;
  let error: unknown;
  while (error === undefined) {
    const tick = { tick_number: acknowledged, actions_json: `"${LONG}"` };
    error = await db.agents.recordTick('a', tick).then(
      () => void acknowledged++,
      (reason: unknown) => reason,
    );
  }
  expect(isPylonDbError(error, 'DISK_FULL')).toBe(true);
  expect(statfsSync(folder).bavail).toBe(0);
  expect(await db.agents.get('a')).toMatchObject({ tick_count: acknowledged });
  expect(await rejection(db.jobs.create({ ...job('b'), error_message: LONG }))).toMatchObject({
    code: 'DISK_FULL',
  });
  rmSync(ballast);
  await db.agents.recordTick('a', { tick_number: acknowledged });
  await db.close();
  expectSound(db.path);
  expect(valueOutside(db.path, 'select count(*) from tick_history')).toBe(acknowledged + 1);
  reported('disk full: a small tmpfs', {
    tried: `ticks until a disk of 2 MB was full`,
    figure: `${acknowledged} acknowledged, all there; goes on with room again`,
  });
});
