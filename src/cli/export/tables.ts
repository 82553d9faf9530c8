import type { DB } from '../../../generated/db.js';
import type { PublishedName } from '../../schema/names.js';

/** The tables that can be exported, each with the column that `--since` looks at. */
const TIME_COLUMNS = {
  migrations: 'applied_at',
  jobs: 'created_at',
  earnings: 'earned_at',
  agents: 'updated_at',
  tick_history: 'created_at',
} as const satisfies { [Table in PublishedName]: keyof DB[Table] };

/** A published table, the ledger included. */
export type ExportTable = PublishedName;

/** All of {@link ExportTable}: parents before what refers to them. */
export const EXPORT_TABLES = Object.keys(TIME_COLUMNS) as readonly ExportTable[];

/** The column of a table that says when its row was made, or last changed. */
export function timeColumnOf(table: ExportTable): string {
  return TIME_COLUMNS[table];
}

/**
 * Whoever has the preimage can prove the payment: exports of tables leave it out unless asked for it.
 * A query is its author's, who has the file: it gives what it asks for.
 */
export const SECRET = { table: 'earnings', column: 'preimage' } as const;
