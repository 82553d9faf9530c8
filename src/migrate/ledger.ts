import type Database from 'better-sqlite3';
import type { Generated } from 'kysely';
import type { UmzugStorage } from 'umzug';
import type { OpenTransaction } from '../engine/kysely-handles.js';
import { corruptRow } from '../schema/row.js';

type LedgerTables = {
  migrations: { id: Generated<number>; name: string };
  sqlite_master: { name: string; type: string };
};

/**
 * The `migrations` table as Umzug's storage, in the transaction that runs the migration: Umzug
 * records inside the lock, and a process that waited for it sees the row.
 */
export function ledgerStorage(transaction: OpenTransaction<unknown>): UmzugStorage {
  const db = transaction.withTables<LedgerTables>();
  return {
    async logMigration({ name }) {
      await db.insertInto('migrations').values({ name }).execute();
    },
    async unlogMigration({ name }) {
      await db.deleteFrom('migrations').where('name', '=', name).execute();
    },
    async executed() {
      const table = await db
        .selectFrom('sqlite_master')
        .select('name')
        .where('type', '=', 'table')
        .where('name', '=', 'migrations')
        .executeTakeFirst();
      if (table === undefined) return [];
      const rows = await db.selectFrom('migrations').select(['id', 'name']).orderBy('id').execute();
      return rows.map(nameOf);
    },
  };
}

/** One row of the ledger, whoever wrote it. */
export interface LedgerRow {
  readonly name: string;
  /** Unix seconds. */
  readonly applied_at: number;
}

/**
 * The names of the applied migrations, oldest first, in a file that has a ledger. Throws
 * `CORRUPT_ROW` for one that is not text.
 */
export function readLedgerNames(db: Database.Database): string[] {
  const rows = db.prepare<[], NamedRow>('select id, name from migrations order by id');
  return rows.all().map(nameOf);
}

/**
 * All rows of the ledger in the order they were applied, other programs' included; none for a file
 * without one. Throws `CORRUPT_ROW` for a row that is not a name and time.
 */
export function readLedgerRows(db: Database.Database): LedgerRow[] {
  const ledger = db
    .prepare("select 1 from sqlite_master where type = 'table' and name = 'migrations'")
    .get();
  if (ledger === undefined) return [];
  return db
    .prepare<[], NamedRow & { applied_at: unknown }>(
      'select id, name, applied_at from migrations order by id',
    )
    .all()
    .map(({ applied_at, ...row }) => {
      const name = nameOf(row);
      if (!isTime(applied_at)) throw corrupt('applied_at', row.id, 'is not a time');
      return { name, applied_at };
    });
}

/** As stored: other programs, and damage, leave what is not text. */
interface NamedRow {
  readonly id: number;
  readonly name: unknown;
}

function nameOf({ id, name }: NamedRow): string {
  if (typeof name !== 'string') throw corrupt('name', id, 'is not text');
  return name;
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function corrupt(column: string, id: number, what: string): Error {
  return corruptRow({ table: 'migrations', column, key: String(id) }, what);
}
