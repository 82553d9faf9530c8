import type { Kysely } from 'kysely';

/** A value that SQLite stores, or one that a driver is asked to refuse. */
type Value = unknown;

/** Any table with any columns: what is asked is whether both handles answer alike. */
export type Tables = Record<string, Record<string, Value>>;

/** Ad-hoc queries by name. Each runs on stock Kysely and on `db.kysely`, in this order. */
export type Queries = Readonly<Record<string, (k: Kysely<Tables>) => unknown>>;

/** All that an iterable gives. */
export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** The row of a job. */
export const aJob = (id: string, more: object = {}) => ({
  id,
  kind: 1,
  customer_pubkey: 'c',
  status: 'pending',
  started_at: 1,
  // Else the second in which each of the two inserts it.
  created_at: 1,
  ...more,
});
