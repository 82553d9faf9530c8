import type { Generated } from 'kysely';
import type { UmzugStorage } from 'umzug';
import type { OpenTransaction } from '../engine/kysely-handles.js';

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
      const rows = await db.selectFrom('migrations').select('name').orderBy('id').execute();
      return rows.map((row) => row.name);
    },
  };
}
