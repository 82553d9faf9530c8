import type { Session } from '../../engine/postgres/session.js';
import { PUBLISHED_TABLES } from '../../schema/tables.js';

/** Settings by which a table would be read in another order than it is stored in. */
const REORDERING = ['synchronize_seqscans', 'enable_indexscan', 'enable_indexonlyscan'];

/** Tables whose order of storage in a file is that of their id. */
const BY_ID: ReadonlySet<string> = new Set(
  PUBLISHED_TABLES.filter(({ generatedKey }) => generatedKey !== undefined).map(({ name }) => name),
);

/**
 * Lets the open transaction read tables from their beginning to their end. A server keeps rows in
 * the order in which they were inserted, until one is changed; a sort by their place would need
 * room on its disk. Servers without these settings have an order of their own.
 */
export async function readInStoredOrder(session: Session): Promise<void> {
  await session.texts(
    `select set_config(name, 'off', true) from pg_catalog.pg_settings where name = any ($1)`,
    [`{${REORDERING.join(',')}}`],
  );
}

/** What orders the rows of a published table as a file does, after {@link readInStoredOrder}. */
export function storedOrder(table: string): string {
  return BY_ID.has(table) ? 'order by id' : '';
}
