import { CSV_LINE_END, type CsvLine, csvLine, realText } from '../export/csv.js';
import { jsonObjects } from '../export/json.js';
import type { Output } from '../shell/output.js';
import { type Column, table } from '../shell/table.js';
import { visible, visibleJson, visibleLines } from '../shell/terminal-text.js';
import type { QueryValue } from './read-statement.js';

/** The formats of `--format`. */
export const QUERY_FORMATS = ['table', 'csv', 'json', 'ndjson'] as const;

export type QueryFormat = (typeof QUERY_FORMATS)[number];

/** Prints a result as it comes: columns once, rows in batches, the end. */
export interface ResultPrinter {
  columns(names: readonly string[]): void;
  rows(rows: readonly QueryValue[][]): void;
  end(): void;
}

/** Draws the rows of a plan as text. */
type DrawPlan = (rows: readonly QueryValue[][]) => string;

/** The printer of a format; `drawPlan` draws what comes where a table is asked for. */
export function printerOf(
  format: QueryFormat,
  drawPlan: DrawPlan | undefined,
  out: Output,
): ResultPrinter {
  switch (format) {
    case 'table':
      if (drawPlan !== undefined) return new WholePrinter((_, rows) => drawPlan(rows));
      return tablePrinter(out);
    case 'csv':
      return new CsvPrinter(csvLine);
    case 'json':
      return new JsonPrinter({ first: '[\n  ', between: ',\n  ', end: '\n]\n', empty: '[]\n' });
    case 'ndjson':
      return new JsonPrinter({ first: '', between: '\n', end: '\n', empty: '' });
  }
}

/** Waits for all rows: a table's widths need them. */
class WholePrinter implements ResultPrinter {
  readonly #draw: (names: readonly string[], rows: readonly QueryValue[][]) => string;
  readonly #rows: QueryValue[][] = [];
  #names: readonly string[] = [];

  constructor(draw: (names: readonly string[], rows: readonly QueryValue[][]) => string) {
    this.#draw = draw;
  }

  columns(names: readonly string[]): void {
    this.#names = names;
  }

  rows(rows: readonly QueryValue[][]): void {
    for (const row of rows) this.#rows.push(row);
  }

  end(): void {
    if (this.#rows.length > 0) process.stdout.write(`${this.#draw(this.#names, this.#rows)}\n`);
  }
}

function tablePrinter(out: Output): ResultPrinter {
  return new WholePrinter((names, rows) =>
    table(
      out,
      rows,
      names.map((name, i) => columnOf(name, i, rows)),
    ),
  );
}

function columnOf(
  name: string,
  index: number,
  rows: readonly QueryValue[][],
): Column<QueryValue[]> {
  const title = visible(name);
  const cell = (row: QueryValue[]) => shownInTable(row[index] ?? null);
  const isNumber = (value: QueryValue | undefined) =>
    typeof value === 'bigint' || typeof value === 'number' || value === null;
  // A number that is cut would be another number.
  return rows.every((row) => isNumber(row[index]))
    ? { title, cell, align: 'right' }
    : { title, cell, cut: 'end' };
}

function shownInTable(value: QueryValue): string {
  if (value === null) return 'NULL';
  if (value instanceof Uint8Array) return `x'${hex(value)}'`;
  return typeof value === 'number' ? realText(value) : String(value);
}

/** Prints CSV, each record as `toLine` writes it. */
export class CsvPrinter implements ResultPrinter {
  readonly #toLine: CsvLine;

  constructor(toLine: CsvLine) {
    this.#toLine = toLine;
  }

  columns(names: readonly string[]): void {
    this.#write([names]);
  }

  rows(rows: readonly QueryValue[][]): void {
    this.#write(rows);
  }

  end(): void {}

  #write(rows: readonly (readonly QueryValue[])[]): void {
    const lines = rows.map(this.#toLine);
    process.stdout.write((process.stdout.isTTY ? lines.map(shownLine) : lines).join(''));
  }
}

/** A file gets the values as they are; a terminal would obey them. */
function shownLine(line: string): string {
  return `${visibleLines(line.slice(0, -CSV_LINE_END.length))}\n`;
}

interface JsonFrame {
  readonly first: string;
  readonly between: string;
  readonly end: string;
  /** All that is printed when there are no rows. */
  readonly empty: string;
}

/** One object a row. A result that failed stays unclosed: no half of one passes for all. */
class JsonPrinter implements ResultPrinter {
  readonly #frame: JsonFrame;
  #object: (row: readonly QueryValue[]) => string = () => '';
  #isEmpty = true;

  constructor(frame: JsonFrame) {
    this.#frame = frame;
  }

  columns(names: readonly string[]): void {
    this.#object = jsonObjects(names);
  }

  rows(rows: readonly QueryValue[][]): void {
    const lead = this.#isEmpty ? this.#frame.first : this.#frame.between;
    this.#isEmpty = false;
    const objects = rows.map((row) => visibleJson(this.#object(row)));
    process.stdout.write(lead + objects.join(this.#frame.between));
  }

  end(): void {
    process.stdout.write(this.#isEmpty ? this.#frame.empty : this.#frame.end);
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** A server's plan, which it draws itself: one row per line. */
export function planLines(rows: readonly QueryValue[][]): string {
  return rows.map(([line = null]) => visible(String(line))).join('\n');
}

/** SQLite's plan, rows of `id, parent, notused, detail`, with each step under its parent. */
export function planTree(rows: readonly QueryValue[][]): string {
  const depths = new Map<QueryValue, number>();
  return rows
    .map(([id = null, parent = null, , detail = null]) => {
      const depth = (depths.get(parent) ?? -1) + 1;
      depths.set(id, depth);
      return '  '.repeat(depth) + visible(String(detail));
    })
    .join('\n');
}
