import { PylonDbError } from '../../errors.js';
import type { StatementResult } from './batch.js';
import { fixed } from './statement.js';

/**
 * The tables of ours and the published ones of which policies may hide rows from the role, and the
 * role. Owners and superusers see all.
 */
export const HIDING_TABLES = fixed(
  `select relname, quote_ident(current_user) from pg_class
    where relrowsecurity and pg_table_is_visible(oid) and row_security_active(oid)
      and (relname in ('jobs', 'earnings', 'agents', 'tick_history', 'migrations')
        or relname ~ '^pylon_db_')
    order by relname`,
);

/** Why nothing may rely on the rows that the role sees, by the answer to {@link HIDING_TABLES}. */
export function rowsHidden({
  rows,
}: Pick<StatementResult, 'rows'>): PylonDbError<'NOT_SUPPORTED'> | undefined {
  const [first] = rows;
  if (first === undefined) return undefined;
  const role = String(first[1]);
  return new PylonDbError(
    'NOT_SUPPORTED',
    `row-level security may hide rows of ${rows.map(([table]) => table).join(', ')} from the role ${role}`,
    {},
    {
      hint: `A payment that can't be seen would count twice, and totals leave it out. ALTER ROLE ${role} BYPASSRLS, or connect as the owner of the tables; then open it again.`,
    },
  );
}
