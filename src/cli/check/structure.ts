import Database from 'better-sqlite3';
import { OWN_OBJECTS } from '../../../generated/own-objects.js';
import {
  integrityOf,
  namesOf,
  objectIn,
  tablesOf,
  type Uncomputed,
} from '../../backup/integrity.js';
import { isMisfit } from '../../engine/sqlite/sqlite-errors.js';
import { isPublished } from '../../schema/names.js';
import { DATA_TABLES } from '../../schema/tables.js';
import { counted } from '../shell/units.js';
import { type Finding, findingsOf, rowName, Tally } from './finding.js';
import { foreignTriggersFound } from './schema-findings.js';

// Pragmas and the schema: the builder has no words for them.

const RESTORE = 'Stop writing to it, keep a copy, and restore the latest backup.';

/**
 * What SQLite says of the file's pages; `thorough` also compares each index with its table. On a
 * connection that only reads it leaves out CHECKs: `values` names the rows that break them.
 */
export function checkIntegrity(db: Database.Database, thorough: boolean): Finding[] {
  const tally = new Tally();
  const left: Uncomputed[] = [];
  const objects = new Set<string>();
  try {
    for (const found of integrityOf(db, thorough ? 'integrity_check' : 'quick_check')) {
      if (typeof found === 'string') {
        tally.add(found);
        objects.add(objectIn(found) ?? '');
      } else left.push(found);
    }
  } catch (error) {
    if (!isDamage(error)) throw error;
    tally.add(error.message);
  }
  objects.delete('');
  return [...damaged(tally, [...objects]), ...left.flatMap(leftOut)];
}

/** A table that the integrity check had to leave out. */
function leftOut(table: Uncomputed): Finding[] {
  const tally = new Tally();
  for (const column of table.columns) tally.add(column);
  if (table.columns.length === 0) tally.add(table.words);
  return findingsOf(tally, {
    check: 'integrity',
    problem: `${table.table} can't be compared with its indexes and constraints, since ${namesOf(table)} can't be computed: ${table.words}`,
    mend: 'Drop or correct it with the program that added it; services leave it alone.',
  });
}

/** The finding for damage that showed while something else was read. */
export function damagedAt(message: string): Finding[] {
  const tally = new Tally();
  tally.add(message);
  return damaged(tally);
}

/** The note for damage that a second look didn't find, in SQLite's words. */
export function passedDamage(words: string | undefined): Finding[] {
  const tally = new Tally();
  if (words !== undefined) tally.add(words);
  return findingsOf(tally, {
    check: 'integrity',
    severity: 'note',
    problem: 'the disk failed to read the file once; read again, it is whole',
    mend: 'Check the disk: `dmesg` says what failed.',
  });
}

/** Whether SQLite met a page that can't be right. */
export function isDamage(error: unknown): error is InstanceType<typeof Database.SqliteError> {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_CORRUPT');
}

/** Tables and indexes that the sentence names: a line for cron, and the rows name them too. */
const OBJECTS_SHOWN = 5;

function damaged(tally: Tally, objects: readonly string[] = []): Finding[] {
  const shown = objects.slice(0, OBJECTS_SHOWN).join(', ');
  const more = objects.length > OBJECTS_SHOWN ? ' and others' : '';
  return findingsOf(tally, {
    check: 'integrity',
    severity: 'damage',
    problem: `SQLite finds ${counted(tally.count, 'problem')} in the file${shown === '' ? '' : `: in ${shown}${more}`}`,
    mend: `${RESTORE} Where only indexes are named, REINDEX in the sqlite3 shell repairs them.`,
  });
}

/** Rows whose parent is missing, other programs' tables included. */
export function checkForeignKeys(db: Database.Database): Finding[] {
  return tablesOf(db).flatMap((table) => violationsOf(db, table));
}

function violationsOf(db: Database.Database, table: string): Finding[] {
  const byParent = new Map<string, { tally: Tally; rowids: unknown[] }>();
  try {
    const violations = db
      .prepare<[string], { parent: string; rowid: unknown }>(
        'select parent, rowid from pragma_foreign_key_check(?)',
      )
      .iterate(table);
    for (const { parent, rowid } of violations) {
      const found = byParent.get(parent) ?? { tally: new Tally(), rowids: [] };
      byParent.set(parent, found);
      found.tally.add('');
      if (found.rowids.length < found.tally.rows.length) found.rowids.push(rowid);
    }
  } catch (error) {
    // Another program declared a key that no unique index backs: SQLite itself can't check it.
    if (isMisfit(error)) return [];
    throw error;
  }
  return [...byParent].map(([parent, { tally, rowids }]) => ({
    check: 'foreign-keys',
    severity: 'wrong',
    problem: `${counted(tally.count, 'row')} of ${table} whose parent in ${parent} is missing`,
    rows: rowids.map((rowid) => rowName(keyOf(db, table, rowid), rowid)),
    count: tally.count,
    mend: `Restore the missing rows of ${parent} from a backup, or delete these.`,
    repairable: false,
  }));
}

/** Triggers of other programs on the published tables and on ours. One of our names is the drift's. */
export function checkTriggers(db: Database.Database): Finding[] {
  const triggers = db
    .prepare<[], [name: string, table: string]>(
      "select name, tbl_name from sqlite_master where type = 'trigger' order by tbl_name, name",
    )
    .raw()
    .all();
  const foreign = triggers.filter(
    ([name, table]) => !OUR_TRIGGERS.has(name.toLowerCase()) && isWrittenByServices(table),
  );
  return foreignTriggersFound(
    foreign.map(([name, table]) => `${name} on ${table}`),
    '`pylon-db query "select name, sql from sqlite_master where type = \'trigger\'"`',
  );
}

const OUR_TRIGGERS: ReadonlySet<string> = new Set(
  OWN_OBJECTS.filter(({ type }) => type === 'trigger').map(({ name }) => name),
);

function isWrittenByServices(table: string): boolean {
  const name = table.toLowerCase();
  return isPublished(name) || name.startsWith('pylon_db_');
}

function keyOf(db: Database.Database, table: string, rowid: unknown): unknown {
  const key = DATA_TABLES.find(({ name }) => name === table)?.key;
  if (key === undefined) return undefined;
  return db.prepare(`select ${key} from ${table} where rowid = ?`).pluck().get(rowid);
}
