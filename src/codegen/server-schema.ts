import type { ColumnMetadata, PostprocessFunction, TableMetadata } from 'kysely-codegen';
import { enumeratedTexts } from '../schema/server-checks.js';
import {
  EXACT_DIGITS,
  type Kysely,
  sql,
  WIDE_DECIMAL,
  withoutInternalTables,
} from './kysely-codegen.js';
import { assertTables, refineOwnView } from './live-schema.js';

/** What pylon-db reads as numbers, by a type that kysely-codegen calls a number. */
const NUMBERS: Readonly<Record<string, string>> = { int8: 'int4', numeric: 'float8' };

/** The schema whose tables kysely-codegen calls by their names alone. */
const DEFAULT_SCHEMA = 'public';

/**
 * Corrects what kysely-codegen read of a PostgreSQL server, as `refineFromLiveSchema` does of a file,
 * so that the same migrations give the same types. Only the first schema of the search path counts.
 * Throws `SCHEMA_MISMATCH` if it has no table at all.
 */
export const refineFromServerSchema: PostprocessFunction<unknown> = async ({ db, metadata }) => {
  const { rows } = await sql<{ schema: string | null }>`
    select current_schema() as schema`.execute(db);
  const schema = rows[0]?.schema ?? undefined;
  metadata.tables = metadata.tables.filter((table) => table.schema === schema);
  assertTables(metadata);
  const allowed = await enumeratedColumns(db);
  const wide = await wideDecimals(db);
  for (const table of metadata.tables) {
    // Else the serializer puts the schema before each name.
    table.schema = DEFAULT_SCHEMA;
    for (const column of table.columns) {
      if (wide.has(`${table.name}.${column.name}`)) column.dataType = WIDE_DECIMAL;
      refineColumn(table, column, allowed);
    }
    refineOwnView(table);
  }
  return withoutInternalTables(metadata);
};

function refineColumn(
  table: TableMetadata,
  column: ColumnMetadata,
  allowed: ReadonlyMap<string, readonly string[]>,
): void {
  column.dataType = NUMBERS[column.dataType] ?? column.dataType;
  const values = allowed.get(`${table.name}.${column.name}`);
  if (values !== undefined) column.enumValues = [...values];
}

/** Decimals and lists of them, as `table.column`, with digits that a number may not give back. */
async function wideDecimals(db: Kysely<unknown>): Promise<ReadonlySet<string>> {
  // The modifier holds the precision above its lower 16 bits; -1 stands for none.
  const { rows } = await sql<{ column: string }>`
    select c.relname || '.' || a.attname as column
    from pg_attribute a
    join pg_class c on c.oid = a.attrelid
    where a.atttypid in ('numeric'::regtype, 'numeric[]'::regtype) and a.attnum > 0
      and c.relnamespace = current_schema()::regnamespace
      and (a.atttypmod < 0 or (a.atttypmod - 4) >> 16 > ${EXACT_DIGITS})`.execute(db);
  return new Set(rows.map(({ column }) => column));
}

/** The texts that all CHECKs of one column allow in it, by `table.column`. */
async function enumeratedColumns(db: Kysely<unknown>): Promise<Map<string, readonly string[]>> {
  const { rows } = await sql<{ column: string; definition: string }>`
    select c.relname || '.' || a.attname as column, pg_get_constraintdef(k.oid) as definition
    from pg_constraint k
    join pg_class c on c.oid = k.conrelid
    join pg_attribute a on a.attrelid = c.oid and a.attnum = k.conkey[1]
    left join pg_collation l on l.oid = a.attcollation
    where k.contype = 'c' and array_length(k.conkey, 1) = 1
      and l.collisdeterministic is not false
      and c.relnamespace = current_schema()::regnamespace
    order by k.conname`.execute(db);
  const found = new Map<string, readonly string[]>();
  for (const { column, definition } of rows) {
    const texts = enumeratedTexts(definition);
    if (texts === undefined) continue;
    found.set(
      column,
      (found.get(column) ?? texts).filter((text) => texts.includes(text)),
    );
  }
  for (const [column, texts] of found) {
    if (texts.length === 0) found.delete(column);
  }
  return found;
}
