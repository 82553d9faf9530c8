import type Database from 'better-sqlite3';
import { prepareQuestion, type ReadStatement } from '../query/read-statement.js';
import { type Chunk, inChunks, type StoredValue } from './chunks.js';
import { type CsvLine, csvLine } from './csv.js';
import { jsonArray, jsonLines } from './json.js';
import { spreadsheetLine } from './spreadsheet.js';
import { countRows, csvPages, eachRow, type TableRows } from './table-rows.js';
import { columnsOf, type ExportTable } from './tables.js';

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

/** Whether an export reads by SQL of ours, or by that of who asked for it. */
export function whoseSql({ selection }: ExportProps): 'ours' | 'theirs' {
  return 'sql' in selection ? 'theirs' : 'ours';
}

/** One table, or the result of a query, as pieces of text. */
export interface ExportPart {
  /** `undefined` for a query. */
  readonly table: ExportTable | undefined;
  /** How many rows are expected; 0 where nobody knows. */
  readonly total: () => number;
  readonly chunks: () => Generator<Chunk>;
}

/** The parts of an export. Throws `INVALID_ARGUMENT` for a query that isn't one that only reads. */
export function exportParts(db: Database.Database, props: ExportProps): ExportPart[] {
  const { selection, includeSecrets } = props;
  if ('tables' in selection) {
    return selection.tables.map((table) => {
      const columns = columnsOf(db, table, includeSecrets);
      const rows: TableRows = { table, columns, since: selection.since };
      return {
        table,
        total: () => countRows(db, rows),
        chunks: () => tableChunks(db, rows, props),
      };
    });
  }
  const question = prepareQuestion(db, selection.sql);
  return [{ table: undefined, total: () => 0, chunks: () => queryChunks(question, props) }];
}

/** Pieces of all tables in one text: a JSON object with a field for each, or lines that name theirs. */
export function* inOneText(db: Database.Database, props: ExportProps): Generator<Chunk> {
  const { selection, format, includeSecrets } = props;
  const tables = 'tables' in selection ? selection.tables : [];
  const since = 'tables' in selection ? selection.since : undefined;
  for (const [i, table] of tables.entries()) {
    const rows: TableRows = { table, columns: columnsOf(db, table, includeSecrets), since };
    if (format === 'ndjson') yield* jsonLines(eachRow(db, rows), rows.columns, table);
    else {
      yield { data: `${i === 0 ? '{' : ','}\n"${table}":`, rows: 0 };
      yield* jsonArray(eachRow(db, rows), rows.columns);
    }
  }
  if (format === 'json') yield { data: '\n}\n', rows: 0 };
}

function* tableChunks(
  db: Database.Database,
  rows: TableRows,
  { format, spreadsheet = false }: ExportProps,
): Generator<Chunk> {
  if (format !== 'csv') return yield* jsonChunks(eachRow(db, rows), rows.columns, format);
  if (spreadsheet) return yield* csvChunks(rows.columns, eachRow(db, rows), spreadsheetLine);
  yield { data: csvLine(rows.columns), rows: 0 };
  yield* csvPages(db, rows);
}

function* queryChunks(
  question: ReadStatement,
  { format, spreadsheet = false }: ExportProps,
): Generator<Chunk> {
  const columns = question.columns().map(({ name }) => name);
  if (format !== 'csv') return yield* jsonChunks(question.iterate(), columns, format);
  yield* csvChunks(columns, question.iterate(), spreadsheet ? spreadsheetLine : csvLine);
}

function* csvChunks(
  columns: readonly string[],
  rows: Iterable<StoredValue[]>,
  toLine: CsvLine,
): Generator<Chunk> {
  yield { data: toLine(columns), rows: 0 };
  yield* inChunks(rows, toLine);
}

function* jsonChunks(
  rows: Parameters<typeof jsonArray>[0],
  columns: readonly string[],
  format: 'json' | 'ndjson',
): Generator<Chunk> {
  if (format === 'ndjson') return yield* jsonLines(rows, columns);
  yield* jsonArray(rows, columns);
  yield { data: '\n', rows: 0 };
}
