import { type Generated, sql } from 'kysely';
import type { DB, MigrationList } from '../../src/index.js';

/** The published tables and one of a service's own. */
export interface InvoiceDB extends DB {
  invoices: {
    id: string;
    note: string | null;
    amount: Generated<number | null>;
    bytes: Buffer | null;
  };
}

/** Makes `invoices`. */
export const INVOICES: MigrationList = {
  '002_invoices': async () => ({
    up: async ({ context: db, engine }) => {
      await db.schema
        .createTable('invoices')
        .addColumn('id', 'text', (column) => column.primaryKey().notNull())
        .addColumn('note', 'text')
        .addColumn('amount', 'bigint', (column) => column.defaultTo(0))
        .addColumn('bytes', engine === 'sqlite' ? 'blob' : 'bytea')
        .addCheckConstraint('notes_are_short', sql`length(note) < 100`)
        .execute();
    },
  }),
};
