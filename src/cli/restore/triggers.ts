import type Database from 'better-sqlite3';
import { migrations } from '../../../migrations/index.js';
import { connect } from '../../engine/sqlite/database-file.js';
import { badPath } from './bad-path.js';

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

async function triggersOfMigrations(): Promise<Set<string>> {
  const { Migrator } = await import('../../migrate/migrator.js');
  const path = ':memory:';
  const db = connect(path, false, '');
  try {
    const props = { db, path, list: migrations, busyTimeoutMs: 0, operation: '' };
    await new Migrator(props).up();
    return triggersOf(db);
  } finally {
    db.close();
  }
}
