import type { Session } from '../engine/postgres/session.js';
import type { LedgerRow } from './ledger-rows.js';

/**
 * All rows of the ledger in the schema that comes first in the search path, in the order they were
 * applied, other programs' included; none where there is no ledger.
 */
export async function readServerLedgerRows(session: Session): Promise<LedgerRow[]> {
  const { rows: ledgers } = await session.raw(
    `select 1 from pg_catalog.pg_class
     where relname = 'migrations' and relnamespace = to_regnamespace(quote_ident(current_schema()))`,
    [],
  );
  if (ledgers.length === 0) return [];
  const { rows } = await session.raw('select name, applied_at from migrations order by id', []);
  return rows.map((row) => ({ name: String(row['name']), applied_at: Number(row['applied_at']) }));
}
