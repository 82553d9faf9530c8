import type { Session } from '../../engine/postgres/session.js';
import { type CopiedTable, columnList, quoted } from '../../schema/tables.js';
import { storedOrder } from '../shell/stored-order.js';
import type { CopiedRow } from './row.js';
import type { LedgerEntry } from './sides.js';

/** A table whose key is a number. */
type Counted = Pick<CopiedTable, 'name' | 'key'>;

/** The rows of a server's table as they lie, in lists. */
export async function* serverRows(
  session: Session,
  table: CopiedTable,
): AsyncGenerator<readonly CopiedRow[]> {
  const rows = session.rowsOf(
    `select ${columnList(table)} from ${quoted(table.name)} ${storedOrder(table.name)}`,
  );
  const hasReals = table.columns.some(({ kind }) => kind === 'real');
  for await (const list of rows) yield hasReals ? list.map((row) => withReals(table, row)) : list;
}

/** Numbers as JavaScript writes them, which is how they come from a file. */
function withReals({ columns }: CopiedTable, row: CopiedRow): CopiedRow {
  return row.map((value, i) =>
    value !== null && columns[i]?.kind === 'real' ? String(Number(value)) : value,
  );
}

/** The ledger of a server. */
export async function serverLedger(session: Session): Promise<LedgerEntry[]> {
  const { rows } = await session.texts(
    'select id, name, applied_at from migrations order by id',
    [],
  );
  return rows.map(([id, name, applied_at]) => ({
    id: String(id),
    name: String(name),
    applied_at: String(applied_at),
  }));
}

/** The highest id that a sequence or the rows of its table know; 0 before the first. */
export async function lastServerId(session: Session, table: Counted): Promise<bigint> {
  const sequence = await sequenceOf(session, table);
  const { rows } = await session.texts(
    `select greatest(coalesce((select max(${quoted(table.key)}) from ${quoted(table.name)}), 0)
       ${sequence === null ? '' : `, (select last_value - (not is_called)::int from ${sequence})`})`,
    [],
  );
  return BigInt(rows[0]?.[0] ?? 0);
}

/** Lets the ids of a table go on behind `last`. */
export async function setLastServerId(
  session: Session,
  table: Counted,
  last: bigint,
): Promise<void> {
  if (last < 1n) return;
  await session.texts('select pg_catalog.setval(pg_catalog.pg_get_serial_sequence($1, $2), $3)', [
    quoted(table.name),
    table.key,
    String(last),
  ]);
}

/** The sequence of a table's id as SQL names it. */
async function sequenceOf(session: Session, table: Counted): Promise<string | null> {
  const { rows } = await session.texts('select pg_catalog.pg_get_serial_sequence($1, $2)', [
    quoted(table.name),
    table.key,
  ]);
  return rows[0]?.[0] ?? null;
}
