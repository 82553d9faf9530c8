import { CURRENT_SCHEMA, type Session } from '../../engine/postgres/session.js';

/** What a server says of itself. Field names are those of the JSON answer. */
export interface ServerFacts {
  /** Its version, as it writes it. */
  readonly postgres: string;
  readonly database: string;
  /** The first one of the search path; `null` where none of it is there. */
  readonly schema: string | null;
  readonly role: string;
  /** Whether nothing is forbidden to the role. */
  readonly superuser: boolean;
  /** Whether pages carry checksums, so that the server notices a damaged one. */
  readonly data_checksums: boolean;
  /** Whether it only follows another server. */
  readonly standby: boolean;
  readonly connections: number;
  readonly max_connections: number;
  readonly applied_migrations: readonly string[];
  readonly pending_migrations: readonly string[];
  /** The largest first; `null` when it wasn't asked for. */
  readonly objects: readonly ServerObjectSize[] | null;
}

/** How much a schema and the database that it is in take on the server's disk. */
export interface ServerSizes {
  readonly schema_bytes: number;
  readonly database_bytes: number;
}

/** One table with what belongs to it, or one index. */
export interface ServerObjectSize {
  readonly name: string;
  readonly type: 'table' | 'index';
  readonly bytes: number;
}

/** What a server says of itself without its ledger. */
export async function readServerFacts(
  session: Session,
  measure: boolean,
): Promise<Omit<ServerFacts, 'applied_migrations' | 'pending_migrations'>> {
  const [row = {}] = (await session.raw(FACTS, [])).rows;
  return {
    postgres: String(row['postgres']),
    database: String(row['database']),
    schema: row['schema'] === null ? null : String(row['schema']),
    role: String(row['role']),
    superuser: row['superuser'] === true,
    data_checksums: row['data_checksums'] === 'on',
    standby: row['standby'] === true,
    connections: Number(row['connections']),
    max_connections: Number(row['max_connections']),
    objects: measure ? await sizesOfObjects(session) : null,
  };
}

/** How large the schema of the search path is, and its database. */
export async function readServerSizes(session: Session): Promise<ServerSizes> {
  const [row = {}] = (await session.raw(SIZES, [])).rows;
  return {
    schema_bytes: Number(row['schema_bytes']),
    database_bytes: Number(row['database_bytes']),
  };
}

async function sizesOfObjects(session: Session): Promise<ServerObjectSize[]> {
  return (await session.raw(OBJECTS, [])).rows.map((row) => ({
    name: String(row['name']),
    type: row['type'] === 'index' ? 'index' : 'table',
    bytes: Number(row['bytes']),
  }));
}

const FACTS = `
  select current_setting('server_version') as postgres,
    current_database()::text as database,
    current_schema()::text as schema,
    current_user::text as role,
    current_setting('is_superuser') = 'on' as superuser,
    current_setting('data_checksums', true) as data_checksums,
    pg_is_in_recovery() as standby,
    (select count(*) from pg_catalog.pg_stat_activity where backend_type = 'client backend') as connections,
    current_setting('max_connections')::int as max_connections`;

const SIZES = `
  select coalesce(sum(pg_total_relation_size(oid)), 0)::bigint as schema_bytes,
    pg_database_size(current_database()) as database_bytes
  from pg_catalog.pg_class
  where relnamespace = ${CURRENT_SCHEMA} and relkind in ('r', 'p', 'm', 'S')`;

const OBJECTS = `
  select relname::text as name, case when relkind in ('i', 'I') then 'index' else 'table' end as type,
    case when relkind in ('i', 'I') then pg_relation_size(oid) else pg_table_size(oid) end as bytes
  from pg_catalog.pg_class
  where relnamespace = ${CURRENT_SCHEMA} and relkind in ('r', 'p', 'm', 'i', 'I')
  order by 3 desc, 1`;
