import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { migrations } from '../../../migrations/index.js';
import { whatStopped } from '../../backup/integrity.js';
import { retryWhileBusy } from '../../engine/sqlite/busy.js';
import { committing } from '../../engine/sqlite/failed-commit.js';
import { openWriter } from '../../engine/sqlite/open.js';
import { toPylonDbError, WaitedTooLong } from '../../engine/sqlite/sqlite-errors.js';
import { PylonDbError } from '../../errors.js';
import { INITIAL_MIGRATION } from '../../migrate/migration-names.js';
import { readLedger, refusePending } from '../../migrate/schema-check.js';
import { assertRoom, type DatabaseSizes, sizesOf, usedBytes } from './disk-space.js';

/** What the child needs to know. */
export interface VacuumInput {
  /** The database's absolute path, without links: SQLite keeps the WAL next to the file itself. */
  readonly path: string;
  /** How long each step waits for other processes, in ms. */
  readonly busyTimeoutMs: number;
}

/** A step begins. */
export interface VacuumReport {
  readonly step: 'analyzing' | 'vacuuming' | 'emptying WAL';
  /** Of the process that works. */
  readonly pid: number;
  /** What VACUUM writes in all. */
  readonly workBytes: number;
}

/** What was done. */
export interface VacuumSizes {
  readonly before: DatabaseSizes;
  readonly after: DatabaseSizes;
  /** False when a reader kept the WAL: the file shrinks at the first checkpoint after it. */
  readonly checkpointed: boolean;
}

/** How long one attempt blocks in SQLite, in ms: it takes a lock that is free for a moment only. */
const BLOCKING_MS = 200;

/** VACUUM writes every page twice: to a temporary copy, then through the WAL into the file. */
const COPIES = 2;

/**
 * Packs the file, refreshes the planner's statistics, and empties the WAL. Throws `BUSY` when others
 * are in the way for `busyTimeoutMs`, and `DISK_FULL` before anything changed.
 */
export async function vacuum(
  { path, busyTimeoutMs }: VacuumInput,
  report: (report: VacuumReport) => void,
): Promise<VacuumSizes> {
  // `openWriter` would create it.
  if (!existsSync(path)) throw missing(path);
  try {
    const db = await openWriter({
      path,
      durability: 'normal',
      busyTimeoutMs,
      create: false,
    });
    try {
      db.pragma(`busy_timeout = ${Math.min(BLOCKING_MS, busyTimeoutMs)}`);
      const waiting: Waiting = (attempt) => retryWhileBusy(attempt, busyTimeoutMs);
      const { pending } = await waiting(() => readLedger(db, migrations));
      // An empty file: there is nothing to pack, and statistics would make it another program's.
      if (pending.includes(INITIAL_MIGRATION)) refusePending('', pending);
      const begins: Begins = (step, workBytes) => report({ step, pid: process.pid, workBytes });
      return await packed(db, path, { waiting, begins });
    } catch (error) {
      throw whatStopped(db, error);
    } finally {
      db.close();
    }
  } catch (error) {
    throw toPylonDbError(error, path);
  }
}

export type VacuumTask = { readonly name: 'vacuum'; readonly task: typeof vacuum };

/** Makes an attempt until nobody is in its way. */
type Waiting = <Result>(attempt: () => Result) => Promise<Result>;
type Begins = (step: VacuumReport['step'], workBytes: number) => void;

async function packed(
  db: Database.Database,
  path: string,
  { waiting, begins }: { waiting: Waiting; begins: Begins },
): Promise<VacuumSizes> {
  const before = sizesOf(db, path);
  const workBytes = COPIES * usedBytes(db);
  assertRoom(dirname(path), workBytes);
  keepTemporaryCopyOnDisk(db, path);
  // A reader of an old state would keep the WAL: better reported now than when the work is done.
  await waiting(() => checkpoint(db));
  // First: VACUUM packs the statistics too.
  begins('analyzing', workBytes);
  await waiting(() => committing(db, () => analyze(db)));
  begins('vacuuming', workBytes);
  await waiting(() => committing(db, () => db.exec('vacuum')));
  begins('emptying WAL', workBytes);
  const checkpointed = await endsInTime(waiting(() => checkpoint(db)));
  return { before, after: sizesOf(db, path), checkpointed };
}

/**
 * The copy may be larger than the memory, so it goes where room was checked. SQLite unlinks it as
 * soon as it is open: a kill leaves nothing.
 */
function keepTemporaryCopyOnDisk(db: Database.Database, path: string): void {
  process.env['SQLITE_TMPDIR'] = dirname(path);
  db.pragma('temp_store = 1');
}

/** One transaction: nobody ever plans with `sqlite_stat4`, which doubles the time of small reads. */
function analyze(db: Database.Database): void {
  db.transaction(() => db.exec('analyze; drop table if exists sqlite_stat4')).immediate();
}

/** Copies the whole WAL into the file and cuts it to nothing. Throws the driver's `SQLITE_BUSY`. */
function checkpoint(db: Database.Database): void {
  // The first column is `busy`; SQLite says so at once while another process checkpoints.
  if (db.pragma('wal_checkpoint(truncate)', { simple: true }) === 0) return;
  throw new Database.SqliteError('the checkpoint was blocked', 'SQLITE_BUSY');
}

async function endsInTime(work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof WaitedTooLong) return false;
    throw error;
  }
}

function missing(path: string): PylonDbError<'CANNOT_OPEN'> {
  return new PylonDbError(
    'CANNOT_OPEN',
    `there is no file ${path}`,
    { path },
    { hint: 'Give the path of a pylon.db file.' },
  );
}
