import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { migrations } from '../../../migrations/index.js';
import { integrityOf } from '../../backup/integrity.js';
import { lookTwice } from '../../backup/second-look.js';
import { connect } from '../../engine/sqlite/database-file.js';
import { isBusy, toPylonDbError } from '../../engine/sqlite/sqlite-errors.js';
import { isPylonDbError } from '../../errors.js';
import { readLedger } from '../../migrate/schema-check.js';
import { inUse } from './in-use.js';
import type { LaterRows } from './later-rows.js';

/** How long the probe waits for a lock, in ms: a commit that is just ending is no use of the file. */
const PROBE_TIMEOUT_MS = 500;

/** What stands at the place that a backup is restored to. */
export type LiveDatabase =
  | { readonly state: 'missing' }
  | { readonly state: 'damaged'; readonly problem: string }
  | {
      readonly state: 'whole';
      readonly pageSizeBytes: number;
      readonly later: LaterRows | undefined;
    };

export interface LookProps {
  readonly dryRun: boolean;
  /** Accept another program's database. */
  readonly force: boolean;
  /** Throws when what is to come must not replace this database, or come where none is. */
  readonly accept: (live: Database.Database | undefined) => Promise<void>;
  /** What a whole one holds that the backup doesn't. */
  readonly later: () => LaterRows | undefined;
}

/**
 * Looks through the live database. Unless `dryRun`, it proves that no other connection is open, by
 * leaving WAL mode: SQLite allows that to the only one. Throws `IN_USE`, `SCHEMA_MISMATCH` for
 * another program's database, and what `accept` throws; a refused one is as it was.
 */
export async function lookAtLive(path: string, props: LookProps): Promise<LiveDatabase> {
  const live = existsSync(path) ? await lookAtExisting(path, props) : MISSING;
  if (live.state !== 'whole') await props.accept(undefined);
  return live;
}

const MISSING = { state: 'missing' } as const;

/** What is damaged is moved aside: not because of a page that the disk failed to read. */
async function lookAtExisting(path: string, props: LookProps): Promise<LiveDatabase> {
  const { found } = await lookTwice(
    [path],
    () => lookAtFile(path, props),
    (live) => (live.state === 'damaged' ? live.problem : undefined),
  );
  return found;
}

async function lookAtFile(
  path: string,
  { dryRun, force, accept, later }: LookProps,
): Promise<LiveDatabase> {
  const db = connect(path, dryRun);
  try {
    db.pragma(`busy_timeout = ${PROBE_TIMEOUT_MS}`);
    // Before anything changes: it may be another program's.
    if (!force) readLedger(db, migrations);
    await accept(db);
    if (!dryRun) becomeTheOnlyOne(db, path);
    const problem = firstProblem(db);
    if (problem !== undefined) return { state: 'damaged', problem };
    const pageSizeBytes = Number(db.pragma('page_size', { simple: true }));
    return { state: 'whole', pageSizeBytes, later: later() };
  } catch (error) {
    if (isBusy(error)) throw await inUse(path);
    const reported = toPylonDbError(error, path);
    if (isPylonDbError(reported, 'CORRUPT') || isPylonDbError(reported, 'NOT_A_DATABASE')) {
      return { state: 'damaged', problem: reported.problem };
    }
    throw reported;
  } finally {
    db.close();
  }
}

/** What SQLite says first; what comes after may throw. */
function firstProblem(db: Database.Database): string | undefined {
  for (const found of integrityOf(db, 'integrity_check')) {
    if (typeof found === 'string') return found;
  }
  return undefined;
}

/** A rollback journal, too, makes the copy whole or absent; and nobody can read half of it. */
function becomeTheOnlyOne(db: Database.Database, path: string): void {
  if (db.pragma('journal_mode = delete', { simple: true }) !== 'delete') {
    throw new Database.SqliteError('the journal mode is locked', 'SQLITE_BUSY');
  }
  db.exec('begin exclusive; rollback');
  // SQLite answers `delete` also when it could not write that into the file.
  const another = connect(path, true);
  try {
    if (another.pragma('journal_mode', { simple: true }) === 'delete') return;
    throw new Database.SqliteError('the journal mode was not stored', 'SQLITE_IOERR_WRITE');
  } finally {
    another.close();
  }
}

/** A damaged database and its sidecars, each with the name that it gets when it is moved aside. */
export function namesAside(path: string, stamp: string): [file: string, aside: string][] {
  const files = ['', '-wal', '-shm', '-journal'].map((suffix) => path + suffix).filter(existsSync);
  return files.map((file) => [file, `${file}.damaged-${stamp}`]);
}
