import { hostname } from 'node:os';
import type Database from 'better-sqlite3';
import { migrations } from '../../../migrations/index.js';
import { identityIn } from '../../backup/database-facts.js';
import { canonical, identityOf } from '../../backup/live-files.js';
import type { BackupManifest } from '../../backup/manifest.js';
import { connect } from '../../engine/sqlite/database-file.js';
import { PylonDbError } from '../../errors.js';
import { DATA_TABLES } from '../../schema/tables.js';

/** An `INVALID_ARGUMENT` about the file that is to be restored. */
function badPath(problem: string, hint: string): PylonDbError<'INVALID_ARGUMENT'> {
  return new PylonDbError(
    'INVALID_ARGUMENT',
    problem,
    { field: 'backup' },
    { hint: `Nothing was changed. ${hint}` },
  );
}

/** Throws `INVALID_ARGUMENT` when the backup is the database itself or one of its sidecars. */
export function assertAnother(path: string, backup: string): void {
  const identity = identityOf(backup);
  for (const own of [path, `${path}-wal`, `${path}-shm`, `${path}-journal`]) {
    if (own === backup || (identity !== undefined && identity === identityOf(own))) {
      throw badPath(`${backup} belongs to the database itself`, 'Give the path of a backup.');
    }
  }
}

interface AnotherProps {
  readonly live: Database.Database;
  /** The path of the live database. */
  readonly path: string;
  readonly backup: string;
  readonly manifest: BackupManifest;
  /** What the backup itself says, which a manifest may have lost. */
  readonly identity: string | null;
}

/**
 * Throws `INVALID_ARGUMENT` when a backup of another database would replace rows. A backup that is
 * older than identities can't be told from others, so nothing is asked.
 */
export function refuseAnotherDatabase(props: AnotherProps): void {
  const { live, path, backup, manifest, identity } = props;
  if (identity === null || !hasRows(live)) return;
  const own = identityIn(live);
  const { host, source } = manifest;
  // A live file without identity was last migrated by an older pylon-db: its place must do.
  const isSame =
    own === null ? host === hostname() && source === canonical(path) : own === identity;
  if (isSame) return;
  const from = source === '' ? '' : ` (made from ${host === undefined ? '' : `${host}:`}${source})`;
  throw badPath(
    `${backup} is of another database: its identity is ${identity}${from}, that of ${path} is ${own ?? 'not known'}`,
    '--replace-other restores it all the same.',
  );
}

function hasRows(live: Database.Database): boolean {
  const tables = live
    .prepare<[string], string>(
      "select name from sqlite_master where type = 'table' and name in (select value from json_each(?))",
    )
    .pluck()
    .all(JSON.stringify(DATA_TABLES.map(({ name }) => name)));
  return tables.some((name) => live.prepare(`select 1 from ${name} limit 1`).get() !== undefined);
}

/** The SQL of every trigger of a database. */
export function triggersOf(db: Database.Database): Set<string> {
  const sql = "select sql from sqlite_master where type = 'trigger'";
  return new Set(db.prepare<[], string>(sql).pluck().all());
}

/**
 * Throws `INVALID_ARGUMENT` for a backup with a trigger that neither the live database nor our
 * migrations have: it would run in every writer, with that one's rights.
 */
export async function refuseUnknownTriggers(
  backup: Database.Database,
  live: ReadonlySet<string>,
): Promise<void> {
  const unknown = [...triggersOf(backup)].filter((sql) => !live.has(sql));
  if (unknown.length === 0) return;
  const ours = await triggersOfMigrations();
  const foreign = unknown.filter((sql) => !ours.has(sql));
  if (foreign.length === 0) return;
  const names = foreign.map((sql) => /trigger\s+(?:if not exists\s+)?(\S+)/i.exec(sql)?.[1] ?? '?');
  throw badPath(
    `the backup has triggers that the database doesn't have: ${names.join(', ')}`,
    'Look at them with `pylon-db query`; --force restores them.',
  );
}

/** After each of them: a backup may be older than the one that replaced a trigger. */
async function triggersOfMigrations(): Promise<Set<string>> {
  const { Migrator } = await import('../../migrate/migrator.js');
  const path = ':memory:';
  const db = connect(path, false);
  const ours = new Set<string>();
  try {
    const migrator = new Migrator({ db, path, list: migrations, busyTimeoutMs: 0 });
    for (const name of Object.keys(migrations)) {
      await migrator.up(name);
      for (const sql of triggersOf(db)) ours.add(sql);
    }
    return ours;
  } finally {
    db.close();
  }
}
