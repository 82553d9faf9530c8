import type Database from 'better-sqlite3';
import { OWN_OBJECTS, type OwnObject } from '../../generated/own-objects.js';
import type { SchemaState } from '../engine/sqlite/schema-state.js';
import { PylonDbError } from '../errors.js';
import { isPublished } from '../schema/names.js';
import type { Drift } from './drift.js';
import { readLedgerNames } from './ledger.js';
import { OUR_MIGRATION } from './migration-names.js';

// Other programs rebuild published tables, and a dropped table takes its triggers and indexes along.
// So our own objects are compared with what our migrations make.

/** What a look found. */
export interface OwnObjectsFound extends SchemaState {
  /** The objects that are missing, or not as their migrations made them. */
  readonly broken: readonly OwnObject[];
}

/** A row of `sqlite_master`: type, name, table and SQL. */
type LiveObject = readonly [type: string, name: string, table: string, sql: string | null];

/** The migrations whose triggers keep the totals. */
const KEEPING: ReadonlySet<string> = new Set(
  OWN_OBJECTS.filter(({ type }) => type === 'trigger').map(({ migration }) => migration),
);

/**
 * Compares our own objects with what the applied ones of the migrations `known` made, in one state
 * of the file. Throws `SCHEMA_MISMATCH` when the ledger names one of ours that isn't known: a newer
 * pylon-db migrated the file, and its objects are not this one's to judge.
 */
export function findOwnObjects(
  db: Database.Database,
  known: readonly string[],
  operation = '',
): OwnObjectsFound {
  if (db.inTransaction) return look(db, known, operation);
  db.exec('begin');
  try {
    return look(db, known, operation);
  } finally {
    if (db.inTransaction) db.exec('commit');
  }
}

function look(db: Database.Database, known: readonly string[], operation: string): OwnObjectsFound {
  const version = Number(db.pragma('schema_version', { simple: true }));
  const live = db
    .prepare<[], LiveObject>(
      `select type, name, tbl_name, sql from sqlite_master
       where type in ('index', 'trigger') or name = 'migrations'
         or name like 'pylon\\_db\\_%' escape '\\'`,
    )
    .raw()
    .all();
  const applied = appliedNames(db, live);
  refuseNewer(applied, known, operation);
  const found = new Map(live.map((object) => [keyOf(object[0], object[1]), object]));
  const own = OWN_OBJECTS.filter(({ migration }) => applied.has(migration));
  const broken = own.filter(
    (object) => !isAsMade(object, found.get(keyOf(object.type, object.name))),
  );
  return {
    version,
    broken,
    foreignTriggers: foreignTriggers(live, own, broken),
    totalsKept:
      [...KEEPING].every((migration) => applied.has(migration)) && !broken.some(keepsTotals),
  };
}

/** Whether totals are wrong, or may be, when the object was missing or changed. */
export function keepsTotals({ type, migration }: OwnObject): boolean {
  return type !== 'index' && KEEPING.has(migration);
}

function appliedNames(db: Database.Database, live: readonly LiveObject[]): ReadonlySet<string> {
  // Another program may have dropped the ledger as well: nothing is known to be applied then.
  if (!live.some(([type, name]) => type === 'table' && name === 'migrations')) return new Set();
  return new Set(readLedgerNames(db));
}

function refuseNewer(
  applied: ReadonlySet<string>,
  known: readonly string[],
  operation: string,
): void {
  const newer = [...applied].filter((name) => OUR_MIGRATION.test(name) && !known.includes(name));
  if (newer.length === 0) return;
  const problems = newer.map((name) => `migration ${name} is applied, but unknown here`);
  throw new PylonDbError(
    'SCHEMA_MISMATCH',
    `the database doesn't fit: ${problems.join('; ')}`,
    { problems },
    {
      operation,
      hint: 'A newer pylon-db migrated the file while it was open. Restart with that version.',
    },
  );
}

/** Triggers have names of their own; those of tables, indexes and views must differ. Case doesn't count. */
function keyOf(type: string, name: string): string {
  return `${type === 'trigger' ? 'trigger ' : ''}${name.toLowerCase()}`;
}

function isAsMade(own: OwnObject, live: LiveObject | undefined): boolean {
  if (live === undefined) return false;
  // Published ones may be in another implementation's words, and are never redefined.
  if (!isOurs(own)) return true;
  // What no row of others gives can't be made again: dropping it would lose it.
  if (own.type === 'table' && !keepsTotals(own)) return live[0] === 'table';
  return live[0] === own.type && live[3] === own.sql && live[2] === own.table;
}

function isOurs({ name }: OwnObject): boolean {
  return name.startsWith('pylon_db_');
}

/** Whether what drifted can be made again, of the objects of one engine. */
export function isRepairable(objects: readonly OwnObject[], { name, found }: Drift): boolean {
  const own = objects.find((object) => object.name === name);
  return own !== undefined && (isOurs(own) || found === null);
}

function foreignTriggers(
  live: readonly LiveObject[],
  own: readonly OwnObject[],
  broken: readonly OwnObject[],
): ReadonlySet<string> {
  const ours = new Set(own.filter((object) => !broken.includes(object)).map(({ name }) => name));
  const foreign = live.filter(([type, name]) => type === 'trigger' && !ours.has(name));
  const tables = foreign.map(([, , table]) => table.toLowerCase());
  return new Set(tables.filter((table) => isPublished(table)));
}

/**
 * Makes what is {@link OwnObjectsFound.broken} again, and counts the totals anew where they may be
 * wrong; inside the caller's write transaction. Whatever stands in the place of an object of ours
 * under its name is dropped first; a published index is only made where its name is free.
 */
export function repairOwnObjects(db: Database.Database, broken: readonly OwnObject[]): void {
  if (broken.length === 0) return;
  const live = db
    .prepare<[], LiveObject>('select type, name, tbl_name, sql from sqlite_master')
    .raw()
    .all();
  const found = new Map(live.map((object) => [keyOf(object[0], object[1]), object]));
  // From the last made to the first: what stands on another object goes before it.
  for (const object of [...broken].reverse()) {
    const standing = found.get(keyOf(object.type, object.name));
    if (standing !== undefined) db.exec(`drop ${standing[0]} "${standing[1]}"`);
  }
  for (const { sql } of broken) db.exec(sql);
  for (const own of broken) {
    if (own.fill !== undefined && !keepsTotals(own)) db.exec(own.fill);
  }
  if (broken.some(keepsTotals)) recountTotals(db);
}

/** Counts all totals anew, as the migration did that made them; inside a write transaction. */
export function recountTotals(db: Database.Database): void {
  const standing = new Set(
    db.prepare<[], string>("select name from sqlite_master where type = 'table'").pluck().all(),
  );
  // An older file lacks those of later migrations.
  const tables = OWN_OBJECTS.filter(
    (own) => own.type === 'table' && keepsTotals(own) && standing.has(own.name),
  );
  for (const { name, fill } of tables) {
    // Also what a write was about to replace when the triggers were last there: left standing, it
    // would be taken off the totals of a later row of that key.
    db.exec(`delete from ${name}`);
    if (fill !== undefined) db.exec(fill);
  }
}
