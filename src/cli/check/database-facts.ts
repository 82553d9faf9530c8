import type Database from 'better-sqlite3';
import { migrations } from '../../../migrations/index.js';
import { identityIn } from '../../backup/database-facts.js';
import { isDamage } from './structure.js';

// Pragmas, the schema and dbstat: the builder has no words for them.

/** What the file says of itself. Field names are those of the JSON answer. */
export interface DatabaseFacts {
  readonly sqlite: string;
  readonly journal_mode: string;
  readonly page_size: number;
  readonly page_count: number;
  readonly freelist_count: number;
  readonly auto_vacuum: number;
  readonly encoding: string;
  readonly user_version: number;
  readonly application_id: number;
  /** Of each connection of pylon-db: these stand in no file. */
  readonly synchronous: number;
  readonly foreign_keys: number;
  readonly trusted_schema: number;
  readonly cell_size_check: number;
  /** Names in the ledger, oldest first. */
  readonly applied_migrations: readonly string[];
  readonly pending_migrations: readonly string[];
  /** The UUID that names the database; `null` where there is none, or damage is in the way. */
  readonly identity: string | null;
  /** The largest first; `null` when it wasn't asked for, or damage is in the way. */
  readonly objects: readonly ObjectSize[] | null;
}

/** The pages of one table or index. */
export interface ObjectSize {
  readonly name: string;
  readonly type: 'table' | 'index';
  readonly bytes: number;
  /** Of them: not used by any row. */
  readonly unused_bytes: number;
}

/** Asks for all of it; `measure` also reads each page to size tables and indexes. */
export function readFacts(
  db: Database.Database,
  { applied, measure }: { readonly applied: readonly string[]; readonly measure: boolean },
): DatabaseFacts {
  const ask = (pragma: string) => db.pragma(pragma, { simple: true });
  return {
    sqlite: String(db.prepare('select sqlite_version()').pluck().get()),
    journal_mode: String(ask('journal_mode')),
    page_size: Number(ask('page_size')),
    page_count: Number(ask('page_count')),
    freelist_count: Number(ask('freelist_count')),
    auto_vacuum: Number(ask('auto_vacuum')),
    encoding: String(ask('encoding')),
    user_version: Number(ask('user_version')),
    application_id: Number(ask('application_id')),
    synchronous: Number(ask('synchronous')),
    foreign_keys: Number(ask('foreign_keys')),
    trusted_schema: Number(ask('trusted_schema')),
    cell_size_check: Number(ask('cell_size_check')),
    applied_migrations: applied,
    pending_migrations: Object.keys(migrations).filter((name) => !applied.includes(name)),
    identity: unlessDamaged(() => identityIn(db)),
    objects: measure ? unlessDamaged(() => sizesOfObjects(db)) : null,
  };
}

function sizesOfObjects(db: Database.Database): ObjectSize[] {
  const pages = db.prepare<[], ObjectSize>(
    `select s.name, coalesce(m.type, 'table') as type, s.pgsize as bytes, s.unused as unused_bytes
     from dbstat s left join sqlite_master m on m.name = s.name
     where s.aggregate = 1 order by s.pgsize desc, s.name`,
  );
  return pages.all();
}

function unlessDamaged<Found>(look: () => Found): Found | null {
  try {
    return look();
  } catch (error) {
    if (isDamage(error)) return null;
    throw error;
  }
}
