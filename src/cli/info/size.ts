import { statSync } from 'node:fs';
import { sql } from 'kysely';
import { formatBytes } from '../../engine/sqlite/room.js';
import type { PylonDb } from '../../pylon-db.js';

/** How large a database is. Field names are those of the JSON answer. */
export interface DatabaseSize {
  /** Of a server: the tables and indexes of the schema that comes first in the search path. */
  readonly size_bytes: number;
  /** `null` for a server: its databases share one WAL. */
  readonly wal_bytes: number | null;
  /** What a server calls its version; left out for a file. */
  readonly server_version?: string;
}

/** The size of an SQLite file and its WAL. */
export function fileSize(path: string): DatabaseSize {
  return { size_bytes: sizeOf(path), wal_bytes: sizeOf(`${path}-wal`) };
}

/** The size of a schema, and the version of its server. */
export async function serverSize(db: PylonDb): Promise<DatabaseSize> {
  const { rows } = await sql<{ size_bytes: number; server_version: string }>`
    select coalesce(sum(pg_total_relation_size(oid)), 0)::bigint as size_bytes,
      current_setting('server_version') as server_version
    from pg_catalog.pg_class
    where relnamespace = to_regnamespace(quote_ident(current_schema()))
      and relkind in ('r', 'p', 'm', 'S')`.execute(db.kysely);
  const [{ size_bytes = 0, server_version = '' } = {}] = rows;
  return { size_bytes, wal_bytes: null, server_version };
}

/** What is printed of it. */
export function sizeLines({
  size_bytes,
  wal_bytes,
  server_version,
}: DatabaseSize): [string, string][] {
  const wal = wal_bytes === null ? '' : ` + ${formatBytes(wal_bytes)} in the WAL`;
  const size: [string, string] = ['size', `${formatBytes(size_bytes)}${wal}`];
  return server_version === undefined ? [size] : [size, ['server', `PostgreSQL ${server_version}`]];
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
