import CliTable3 from 'cli-table3';
import type { Output } from './output.js';
import { cells, shortened, visible } from './terminal-text.js';

/** One column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
  readonly align?: 'right';
  /** Where it may be cut to fit a terminal; without it, it stays whole. */
  readonly cut?: 'end' | 'middle';
}

/** Cells between two columns. */
const GAP = 2;

/** Cells that a shortened column keeps: enough to tell two keys apart. */
const LEAST_WIDTH = 12;

/** Rows under their titles; cut to the terminal's width, whole where there is no terminal. */
export function table<Row>(
  out: Output,
  rows: readonly Row[],
  columns: readonly Column<Row>[],
): string {
  const texts = rows.map((row) => columns.map((column) => visible(column.cell(row))));
  const widths = fitted(columns, texts, out.tableWidth);
  const lines = texts.map((row) =>
    row.map((text, i) => shortened(text, widths[i] ?? 0, columns[i]?.cut ?? 'end')),
  );
  const titles = columns.map(({ title }) => out.heading(title));
  return inParts([titles, ...lines], ROWS_AT_ONCE)
    .map((part) => draw(part, columns, widths))
    .join('\n')
    .replace(/ +$/gm, '');
}

/** cli-table3 takes time by the square of the rows: ten thousand at once took eight seconds. */
const ROWS_AT_ONCE = 100;

function inParts<T>(items: readonly T[], size: number): T[][] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, i) => items.slice(i * size, (i + 1) * size));
}

function draw<Row>(
  rows: readonly string[][],
  columns: readonly Column<Row>[],
  widths: readonly number[],
): string {
  const drawn = new CliTable3({
    colAligns: columns.map(({ align }) => align ?? 'left'),
    colWidths: [...widths],
    chars: NO_BORDERS,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  });
  drawn.push(...rows);
  return drawn.toString();
}

/** Labels and values, one pair a line. */
export function fields(pairs: readonly (readonly [label: string, value: string])[]): string {
  const width = Math.max(...pairs.map(([label]) => label.length));
  return pairs
    .map(([label, value]) => `${label.padEnd(width + GAP)}${visible(value)}`.trimEnd())
    .join('\n');
}

/** The widest columns that may be cut give way until all fit. */
function fitted<Row>(
  columns: readonly Column<Row>[],
  texts: readonly (readonly string[])[],
  total: number | undefined,
): number[] {
  const widths = columns.map(({ title }, i) =>
    Math.max(title.length, ...texts.map((row) => cells(row[i] ?? ''))),
  );
  if (total === undefined) return widths;
  let excess = widths.reduce((sum, width) => sum + width, GAP * (columns.length - 1)) - total;
  while (excess > 0) {
    const widest = columns.reduce(
      (found, { cut }, i) =>
        cut !== undefined && (widths[i] ?? 0) > (widths[found] ?? LEAST_WIDTH) ? i : found,
      -1,
    );
    if (widest === -1) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess -= 1;
  }
  return widths;
}

const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: ' '.repeat(GAP),
};
