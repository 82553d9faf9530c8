import type { Session } from '../../engine/postgres/session.js';
import { storedOrder } from '../stored-order.js';
import type { CopiedRow } from './row.js';
import type { LedgerEntry } from './sides.js';
import { type CopiedTable, columnList } from './tables.js';

/** The rows of a server's table as they lie, in lists. */
export function serverRows(
  session: Session,
  table: CopiedTable,
): AsyncIterable<readonly CopiedRow[]> {
  return session.rowsOf(
    `select ${columnList(table)} from ${table.name} ${storedOrder(table.name)}`,
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
export async function lastServerId(session: Session, table: string): Promise<bigint> {
  const sequence = await sequenceOf(session, table);
  const { rows } = await session.texts(
    `select greatest(coalesce((select max(id) from ${table}), 0)
       ${sequence === null ? '' : `, (select last_value - (not is_called)::int from ${sequence})`})`,
    [],
  );
  return BigInt(rows[0]?.[0] ?? 0);
}

/** Lets the ids of a table go on behind `last`. */
export async function setLastServerId(
  session: Session,
  table: string,
  last: bigint,
): Promise<void> {
  if (last < 1n) return;
  await session.texts(
    `select pg_catalog.setval(pg_catalog.pg_get_serial_sequence('${table}', 'id'), $1)`,
    [String(last)],
  );
}

/** The sequence of a table's id as SQL names it. */
async function sequenceOf(session: Session, table: string): Promise<string | null> {
  const { rows } = await session.texts(
    `select pg_catalog.pg_get_serial_sequence('${table}', 'id')`,
    [],
  );
  return rows[0]?.[0] ?? null;
}
