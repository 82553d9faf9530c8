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

/**
 * Cells of the widest column. A longer value sticks out of it: were the column as wide, one text of
 * 1 MB would add 1 MB of spaces to each of the other rows.
 */
const MOST_WIDTH = 200;

/** Rows under their titles; cut to the terminal's width, whole where there is no terminal. */
export function table<Row>(
  out: Output,
  rows: readonly Row[],
  columns: readonly Column<Row>[],
): string {
  const texts = rows.map((row) => columns.map((column) => visible(column.cell(row))));
  const widths = fitted(columns, texts, out.tableWidth);
  const titles = columns.map(({ title, align }, i) => {
    const space = padding(title, widths[i] ?? 0);
    return align === 'right' ? space + out.heading(title) : out.heading(title) + space;
  });
  const lines = texts.map((row) =>
    row.map((text, i) => {
      const { cut, align } = columns[i] ?? {};
      const width = widths[i] ?? 0;
      const whole = cut === undefined || out.tableWidth === undefined;
      const shown = whole ? text : shortened(text, width, cut);
      const space = padding(shown, width);
      return align === 'right' ? space + shown : shown + space;
    }),
  );
  return [titles, ...lines]
    .map((cellsOfLine) => trimmed(cellsOfLine.join(' '.repeat(GAP))))
    .join('\n');
}

function padding(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - cells(text, width)));
}

/** Without the spaces at its end. A regular expression would take time by the square of a long run. */
function trimmed(line: string): string {
  let end = line.length;
  while (end > 0 && line[end - 1] === ' ') end -= 1;
  return line.slice(0, end);
}

/** Labels and values, one pair per line. */
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
  const widths = columns.map(({ title, cut }, i) => {
    const most =
      total === undefined || cut === undefined ? MOST_WIDTH : Math.max(total, LEAST_WIDTH);
    const widest = texts.reduce((max, row) => Math.max(max, cells(row[i] ?? '', most)), 0);
    return Math.min(most, Math.max(cells(title, most), widest));
  });
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
