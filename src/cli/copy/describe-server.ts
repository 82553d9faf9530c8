import { CURRENT_SCHEMA, type Session } from '../../engine/postgres/session.js';
import type { Described, DescribedColumn, DescribedTable } from './sides.js';

const COLUMNS = `
  select c.relname, a.attname, t.typname, (a.attgenerated <> '')::int,
    coalesce(i.indnkeyatts = 1 and i.indkey[0] = a.attnum, false)::int
  from pg_catalog.pg_class c
  join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  join pg_catalog.pg_type t on t.oid = a.atttypid
  left join pg_catalog.pg_index i on i.indrelid = c.oid and i.indisprimary
  where c.relnamespace = ${CURRENT_SCHEMA} and c.relkind in ('r', 'p') and not c.relispartition
  and c.relname <> 'migrations' and left(c.relname, 9) <> 'pylon_db_'
  order by c.relname, a.attnum`;

const REFERENCES = `
  select distinct t.relname, f.relname from pg_catalog.pg_constraint c
  join pg_catalog.pg_class t on t.oid = c.conrelid
  join pg_catalog.pg_class f on f.oid = c.confrelid
  where c.contype = 'f' and t.relnamespace = ${CURRENT_SCHEMA}`;

/** The tables of a server's schema. */
export async function describeServer(session: Session): Promise<Described> {
  const { rows: columns } = await session.texts(COLUMNS, []);
  const { rows: references } = await session.texts(REFERENCES, []);
  const tables = new Map<string, DescribedTable>();
  for (const [table, name, type, computed, isKey] of columns) {
    const column: DescribedColumn = {
      name: String(name),
      kind: KINDS[String(type)] ?? `server type ${type}`,
      isComputed: computed === '1',
    };
    const known = tables.get(String(table));
    tables.set(String(table), {
      columns: [...(known?.columns ?? []), column],
      key: isKey === '1' || known === undefined ? column.name : known.key,
      references: references.filter(([from]) => from === table).map(([, to]) => String(to)),
    });
  }
  return tables;
}

const KINDS: Readonly<Record<string, DescribedColumn['kind']>> = {
  int2: 'integer',
  int4: 'integer',
  int8: 'integer',
  text: 'text',
  varchar: 'text',
  float4: 'real',
  float8: 'real',
  bytea: 'blob',
  bool: 'boolean',
};

/**
 * Lets the open transaction write values in one way, whatever the role's settings are. Servers
 * without these settings have a way of their own.
 */
export async function fixFormats(session: Session): Promise<void> {
  await session.texts(
    `select set_config(s.name, f.value, true) from pg_catalog.pg_settings s
     join (values ${FORMATS}) f(name, value) on f.name = lower(s.name)`,
    [],
  );
}

const FORMATS = `('bytea_output', 'hex'), ('extra_float_digits', '3'), ('datestyle', 'ISO, YMD'),
  ('intervalstyle', 'iso_8601'), ('timezone', 'UTC')`;
