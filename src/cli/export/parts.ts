import type { DB } from '../../../generated/db.js';
import type { PublishedName } from '../../schema/names.js';
import { type Chunk, inChunks, type StoredValue } from './chunks.js';
import { csvLine } from './csv.js';
import { jsonArrayText, jsonLineText, type RowText } from './json.js';
import { spreadsheetLine } from './spreadsheet.js';

/** The tables that can be exported, each with the column that `--since` looks at. */
const TIME_COLUMNS = {
  migrations: 'applied_at',
  jobs: 'created_at',
  earnings: 'earned_at',
  agents: 'updated_at',
  tick_history: 'created_at',
} as const satisfies { [Table in PublishedName]: keyof DB[Table] };

/** A published table, the ledger included. */
export type ExportTable = PublishedName;

/** All of {@link ExportTable}: parents before what refers to them. */
export const EXPORT_TABLES = Object.keys(TIME_COLUMNS) as readonly ExportTable[];

/** The column of a table that says when its row was made, or last changed. */
export function timeColumnOf(table: ExportTable): string {
  return TIME_COLUMNS[table];
}

/**
 * Whoever has the preimage can prove the payment: exports of tables leave it out unless asked for it.
 * A query is its author's, who has the file: it gives what it asks for.
 */
export const SECRET = { table: 'earnings', column: 'preimage' } as const;

/** How rows are written. */
export const EXPORT_FORMATS = ['csv', 'json', 'ndjson'] as const;

export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** What is exported: tables, or the result of a query. */
export type Selection =
  | {
      readonly tables: readonly ExportTable[];
      /** Unix seconds: only rows made or changed then or later. */
      readonly since?: number;
    }
  | { readonly sql: string };

/** A selection, its format, and whether tables are exported with their preimages. */
export interface ExportProps {
  readonly selection: Selection;
  readonly format: ExportFormat;
  readonly includeSecrets: boolean;
  /** CSV that a spreadsheet may open: no formulas, and all digits. */
  readonly spreadsheet?: boolean;
}

/** Which rows of a table, and which columns. */
export interface TableRows {
  readonly table: ExportTable;
  readonly columns: readonly string[];
  /** Unix seconds; only rows of that time and later. */
  readonly since: number | undefined;
}

/** Rows in lists as they come, read once. */
export interface ReadRows {
  readonly columns: readonly string[] | Promise<readonly string[]>;
  readonly lists: Iterable<Iterable<StoredValue[]>> | AsyncIterable<Iterable<StoredValue[]>>;
}

/** One state of a file or server, from which one result after the other is read. */
export interface ExportSource {
  /** The stored columns of a table in their order, those that others added included. */
  columnsOf(table: ExportTable): Promise<readonly string[]>;
  count(rows: TableRows): number | Promise<number>;
  /** The rows in the order in which they were stored. */
  rows(rows: TableRows): ReadRows;
  /** How a query is read. Throws `INVALID_ARGUMENT` for one that isn't one that only reads. */
  question(sql: string): () => ReadRows;
  /** The rows as CSV, in a faster way than row by row. */
  readonly csvPages?: (rows: TableRows) => Iterable<Chunk>;
}

/** One table, or the result of a query, as pieces of text. */
export interface ExportPart {
  /** `undefined` for a query. */
  readonly table: ExportTable | undefined;
  /** How many rows are expected; 0 where nobody knows. */
  readonly total: () => Promise<number>;
  readonly chunks: () => AsyncGenerator<Chunk>;
}

/** The parts of an export. Throws `INVALID_ARGUMENT` for a query that isn't one that only reads. */
export function exportParts(source: ExportSource, props: ExportProps): ExportPart[] {
  const { selection } = props;
  if ('sql' in selection) {
    const read = source.question(selection.sql);
    return [
      {
        table: undefined,
        total: async () => 0,
        chunks: () => ended(inFormat(read(), props), props),
      },
    ];
  }
  return selection.tables.map((table) => ({
    table,
    total: async () => await source.count(await rowsOf(source, table, props)),
    chunks: () => ended(tableChunks(source, table, props), props),
  }));
}

/** Pieces of all tables in one text: a JSON object with a field for each, or lines that name theirs. */
export async function* inOneText(source: ExportSource, props: ExportProps): AsyncGenerator<Chunk> {
  const { selection, format } = props;
  const tables = 'tables' in selection ? selection.tables : [];
  for (const [i, table] of tables.entries()) {
    if (format === 'json') yield { data: `${i === 0 ? '{' : ','}\n"${table}":`, rows: 0 };
    yield* inFormat(source.rows(await rowsOf(source, table, props)), props, table);
  }
  if (format === 'json') yield { data: '\n}\n', rows: 0 };
}

/** Of a table that comes without its preimages unless they are asked for. */
async function rowsOf(
  source: ExportSource,
  table: ExportTable,
  { selection, includeSecrets }: ExportProps,
): Promise<TableRows> {
  const isShown = (name: string) =>
    includeSecrets || table !== SECRET.table || name !== SECRET.column;
  const columns = (await source.columnsOf(table)).filter(isShown);
  return { table, columns, since: 'tables' in selection ? selection.since : undefined };
}

async function* tableChunks(
  source: ExportSource,
  table: ExportTable,
  props: ExportProps,
): AsyncGenerator<Chunk> {
  const rows = await rowsOf(source, table, props);
  const pages = props.format === 'csv' && !props.spreadsheet ? source.csvPages : undefined;
  if (pages === undefined) return yield* inFormat(source.rows(rows), props);
  yield { data: csvLine(rows.columns), rows: 0 };
  yield* pages(rows);
}

/** A JSON text of its own ends with a line break. */
async function* ended(chunks: AsyncGenerator<Chunk>, { format }: ExportProps) {
  yield* chunks;
  if (format === 'json') yield { data: '\n', rows: 0 };
}

async function* inFormat(
  { columns, lists }: ReadRows,
  { format, spreadsheet = false }: ExportProps,
  table?: ExportTable,
): AsyncGenerator<Chunk> {
  const names = await columns;
  const toCsv = spreadsheet ? spreadsheetLine : csvLine;
  const texts: Readonly<Record<ExportFormat, () => RowText>> = {
    csv: () => ({ row: toCsv, end: () => '' }),
    json: () => jsonArrayText(names),
    ndjson: () => jsonLineText(names, table),
  };
  const text = texts[format]();
  if (format === 'csv') yield { data: toCsv(names), rows: 0 };
  for await (const rows of lists) yield* inChunks(rows, text.row);
  const end = text.end();
  if (end !== '') yield { data: end, rows: 0 };
}
