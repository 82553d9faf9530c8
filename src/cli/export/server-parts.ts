import type { RowStream } from '../../engine/postgres/row-stream.js';
import type { Session } from '../../engine/postgres/session.js';
import { quoted } from '../../schema/tables.js';
import { serverQuestion } from '../query/server-read-statement.js';
import { toQueryValue } from '../query/server-values.js';
import { readInStoredOrder, storedOrder } from '../shell/stored-order.js';
import { type Chunk, inChunks, type StoredValue } from './chunks.js';
import { csvLine } from './csv.js';
import { jsonArrayText, jsonLineText } from './json.js';
import type { ExportProps } from './parts.js';
import { spreadsheetLine } from './spreadsheet.js';
import { type ExportTable, SECRET, timeColumnOf } from './tables.js';

/** One table, or the result of a query, as pieces of text. */
export interface ServerExportPart {
  /** `undefined` for a query. */
  readonly table: ExportTable | undefined;
  /** How many rows are expected; 0 where nobody knows. */
  readonly total: () => Promise<number>;
  readonly chunks: () => AsyncGenerator<Chunk>;
}

/**
 * The parts of an export of a server, in the open transaction; one is read after the other. Throws
 * `INVALID_ARGUMENT` for a query that isn't one that only reads.
 */
export async function serverParts(
  session: Session,
  props: ExportProps,
): Promise<ServerExportPart[]> {
  const { selection, format, includeSecrets } = props;
  if ('sql' in selection) {
    const question = serverQuestion(selection.sql, {});
    const rows = () => session.rowsOf(question.sql, question.values);
    return [
      { table: undefined, total: async () => 0, chunks: () => ended(inFormat(rows(), props)) },
    ];
  }
  await readInStoredOrder(session);
  const { tables, since } = selection;
  return tables.map((table) => ({
    table,
    total: () => countRows(session, table, since),
    chunks: async function* () {
      yield* ended(inFormat(await tableRows(session, table, since, includeSecrets), props));
    },
  }));

  /** A JSON text of its own ends with a line break. */
  async function* ended(chunks: AsyncGenerator<Chunk>): AsyncGenerator<Chunk> {
    yield* chunks;
    if (format === 'json') yield { data: '\n', rows: 0 };
  }
}

/** All tables in one text: a JSON object with a field for each, or lines that name theirs. */
export async function* serverTablesTogether(
  session: Session,
  props: ExportProps,
): AsyncGenerator<Chunk> {
  const { selection, format, includeSecrets } = props;
  if (!('tables' in selection)) return;
  await readInStoredOrder(session);
  for (const [i, table] of selection.tables.entries()) {
    if (format === 'json') yield { data: `${i === 0 ? '{' : ','}\n"${table}":`, rows: 0 };
    const rows = await tableRows(session, table, selection.since, includeSecrets);
    yield* inFormat(rows, props, table);
  }
  if (format === 'json') yield { data: '\n}\n', rows: 0 };
}

async function* inFormat(
  stream: RowStream,
  { format, spreadsheet = false }: ExportProps,
  table?: ExportTable,
): AsyncGenerator<Chunk> {
  const types = await stream.columns;
  const columns = types.map(({ name }) => name);
  const values = (row: readonly (string | null)[]): StoredValue[] =>
    row.map((text, i) => toQueryValue(text, types[i]?.typeOid ?? 0));
  const toCsv = spreadsheet ? spreadsheetLine : csvLine;
  const text = format === 'csv' ? rowsAlone(toCsv) : jsonText(format, columns, table);
  if (format === 'csv') yield { data: toCsv(columns), rows: 0 };
  for await (const rows of stream) yield* inChunks(rows, (row) => text.row(values(row)));
  if (text.end() !== '') yield { data: text.end(), rows: 0 };
}

function jsonText(
  format: 'json' | 'ndjson',
  columns: readonly string[],
  table: ExportTable | undefined,
) {
  if (format === 'json') return jsonArrayText(columns);
  return rowsAlone(jsonLineText(columns, table));
}

/** Text with nothing behind its rows. */
function rowsAlone(row: (values: readonly StoredValue[]) => string) {
  return { row, end: () => '' };
}

async function countRows(
  session: Session,
  table: ExportTable,
  since: number | undefined,
): Promise<number> {
  const { rows } = await session.texts(
    `select count(*) from ${table} ${whereSince(table, since)}`,
    bound(since),
  );
  return Number(rows[0]?.[0] ?? 0);
}

async function tableRows(
  session: Session,
  table: ExportTable,
  since: number | undefined,
  includeSecrets: boolean,
): Promise<RowStream> {
  const { rows } = await session.texts(
    `select column_name from information_schema.columns
     where table_schema = current_schema() and table_name = $1 order by ordinal_position`,
    [table],
  );
  const columns = rows
    .map(([name]) => String(name))
    .filter((name) => includeSecrets || table !== SECRET.table || name !== SECRET.column);
  return session.rowsOf(
    `select ${columns.map(quoted).join(', ')} from ${table} ${whereSince(table, since)}
     ${storedOrder(table)}`,
    bound(since),
  );
}

function whereSince(table: ExportTable, since: number | undefined): string {
  return since === undefined ? '' : `where ${timeColumnOf(table)} >= $1`;
}

function bound(since: number | undefined): string[] {
  return since === undefined ? [] : [String(since)];
}
