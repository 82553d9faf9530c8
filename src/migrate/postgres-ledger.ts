import type { Session } from '../engine/postgres/session.js';
import { PUBLISHED_NAMES } from '../schema/names.js';
import type { LedgerRow } from './ledger.js';
import type { MigrationList } from './migration.js';
import { INITIAL_MIGRATION } from './migration-names.js';
import { hasLedger, judgeLedger, type LedgerState, NOTHING, standingOf } from './schema-check.js';
import { type Asked, readServerFacts, serverIndexProblems } from './server-facts.js';

/** Types of a server by the names that the published schema has for them. */
const TYPES: Readonly<Record<string, string>> = {
  text: 'TEXT',
  bigint: 'INTEGER',
  // Its own name in upper case would pass for SQLite's, which holds 64 bits.
  integer: 'a 32-bit integer',
};

/**
 * Reads the ledger of the schema that comes first in the search path, and compares it with the
 * published one, writing nothing. Throws `SCHEMA_MISMATCH`. Other programs' tables next to ours are
 * fine: servers are shared.
 */
export async function readServerLedger(
  server: Asked,
  list: MigrationList,
  operation = '',
): Promise<LedgerState> {
  const tables = await columnTypes(server);
  const applied = hasLedger(tables) ? await appliedNames(server) : [];
  const standing = applied.includes(INITIAL_MIGRATION)
    ? NOTHING
    : standingOf(await readServerFacts(server), await serverIndexProblems(server), 'postgres');
  return judgeLedger(
    { kind: 'schema', tables, applied, standing, foreignOwnerEvidence: () => [] },
    list,
    operation,
  );
}

async function columnTypes(server: Asked): Promise<Map<string, Map<string, string>>> {
  // The information schema leaves out what the role has no right to.
  const { rows } = await server.raw(
    `select c.relname as table_name, a.attname as column_name,
       format_type(coalesce(nullif(t.typbasetype, 0), t.oid), null) as data_type
     from pg_catalog.pg_class c
     join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     join pg_catalog.pg_type t on t.oid = a.atttypid
     where c.relnamespace = to_regnamespace(quote_ident(current_schema()))
       and c.relkind in ('r', 'p', 'v', 'f') and c.relname = any($1)`,
    [PUBLISHED_NAMES],
  );
  const tables = new Map<string, Map<string, string>>();
  for (const row of rows) {
    const [table, column, type] = [row['table_name'], row['column_name'], row['data_type']].map(
      String,
    );
    if (table === undefined || column === undefined || type === undefined) continue;
    const columns = tables.get(table) ?? new Map<string, string>();
    tables.set(table, columns.set(column, TYPES[type] ?? type.toUpperCase()));
  }
  return tables;
}

async function appliedNames(server: Asked): Promise<string[]> {
  const { rows } = await server.raw('select name from migrations order by id', []);
  return rows.map((row) => String(row['name']));
}

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
