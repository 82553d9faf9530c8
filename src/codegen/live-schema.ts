import {
  ColumnMetadata,
  type DatabaseMetadata,
  type PostprocessFunction,
  type TableMetadata,
} from 'kysely-codegen';
import { PylonDbError } from '../errors.js';
import { enumeratedColumns, foldName } from '../schema/check-constraints.js';
import {
  EXACT_DIGITS,
  type Kysely,
  sql,
  WIDE_DECIMAL,
  withoutInternalTables,
} from './kysely-codegen.js';

/** A column that SQLite computes (`GENERATED ALWAYS AS`): read, never written. */
export class ComputedColumn extends ColumnMetadata {}

interface LiveColumn {
  readonly name: string;
  readonly type: string;
  readonly notnull: number;
  /** The column's place in the primary key, from 1; 0 outside it. */
  readonly pk: number;
  readonly hidden: number;
}

/** What `pragma_table_xinfo` says in `hidden` for virtual and stored computed columns. */
const COMPUTED = [2, 3];

/**
 * Corrects what kysely-codegen read by what the live schema says: allowed values from CHECKs, keys
 * never null, rowid keys generated, computed columns present. Throws `SCHEMA_MISMATCH` if there is
 * no table at all, since a mistyped path would otherwise give an empty `DB` and success.
 */
export const refineFromLiveSchema: PostprocessFunction<unknown> = async ({ db, metadata }) => {
  assertTables(metadata);
  const definitions = await sql<{ name: string; sql: string }>`
    select name, sql from sqlite_master where type = 'table' and sql is not null`.execute(db);
  const createTable = new Map(definitions.rows.map((row) => [row.name, row.sql]));
  for (const table of metadata.tables) {
    for (const column of table.columns) column.dataType = scalarType(column.dataType);
    const definition = createTable.get(table.name);
    if (definition !== undefined) await refineTable(db, table, definition);
    refineOwnView(table);
  }
  return withoutInternalTables(metadata);
};

/** The columns of our own views are never null, which no database knows of a view. */
export function refineOwnView(table: TableMetadata): void {
  if (!table.isView || !table.name.startsWith('pylon_db_')) return;
  for (const column of table.columns) {
    column.isNullable = false;
    // A published type from when they were tables.
    column.isAutoIncrementing = column.name === 'id';
  }
}

/** Throws `SCHEMA_MISMATCH` for a database without tables. */
export function assertTables(metadata: DatabaseMetadata): void {
  if (metadata.tables.length > 0) return;
  const problem = 'the database has no tables';
  throw new PylonDbError(
    'SCHEMA_MISMATCH',
    problem,
    { problems: [problem] },
    { operation: 'codegen', hint: 'Check the path, and migrate the file first.' },
  );
}

async function refineTable(
  db: Kysely<unknown>,
  table: TableMetadata,
  definition: string,
): Promise<void> {
  const { rows } = await sql<LiveColumn>`
    select name, type, "notnull", pk, hidden from pragma_table_xinfo(${table.name})
    order by cid`.execute(db);
  const rowidKey = await findRowidKey(db, table.name, rows);
  const allowed = enumeratedColumns(definition);
  for (const row of rows) {
    const column = COMPUTED.includes(row.hidden)
      ? addComputedColumn(table, row)
      : table.columns.find(({ name }) => name === row.name);
    if (column === undefined) continue;
    if (row.pk > 0) column.isNullable = false;
    column.isAutoIncrementing = row.name === rowidKey;
    const values = allowed.get(foldName(row.name));
    // In a column of another affinity SQLite may store '1' as a number.
    if (values !== undefined && column.dataType === 'text') column.enumValues = [...values];
  }
}

function addComputedColumn(table: TableMetadata, row: LiveColumn): ColumnMetadata {
  const column = new ComputedColumn({
    name: row.name,
    dataType: scalarType(row.type),
    isNullable: row.notnull === 0,
  });
  table.columns.push(column);
  return column;
}

/**
 * The column that stands for the rowid, so that SQLite fills it in. Every other primary key (of a
 * WITHOUT ROWID table, `INT`, `INTEGER … DESC`, several columns) has an index of its own.
 */
async function findRowidKey(
  db: Kysely<unknown>,
  table: string,
  columns: readonly LiveColumn[],
): Promise<string | undefined> {
  const { rows } = await sql`
    select name from pragma_index_list(${table}) where origin = 'pk'`.execute(db);
  return rows.length > 0 ? undefined : columns.find(({ pk }) => pk > 0)?.name;
}

/**
 * The name under which kysely-codegen knows a declared type. It looks up `INTEGER` and `TEXT` but
 * calls `BIGINT` or `VARCHAR(64)` a string; SQLite's affinity rules decide what is stored. A date or
 * any other name of our users' own is left as it is.
 */
function scalarType(declared: string): string {
  const type = declared.toLowerCase();
  if (type === '') return 'any';
  if (type.includes('int')) return 'integer';
  if (/char|clob|text/.test(type)) return 'text';
  if (type.includes('blob')) return 'blob';
  if (/real|floa|doub/.test(type)) return 'real';
  if (/^(numeric|decimal)\b/.test(type)) return decimalType(type);
  return type;
}

/** As on a server, though SQLite itself keeps no more digits than a number. */
function decimalType(type: string): string {
  const precision = Number(/\(\s*(\d+)/.exec(type)?.[1] ?? Infinity);
  return precision > EXACT_DIGITS ? WIDE_DECIMAL : 'numeric';
}
