import type { RawRow, Rows } from '../engine/prepared.js';
import type { Computed, Expressions, Ordered, Selected, Selection } from './row-types.js';
import type { PublishedColumn } from './tables.js';

/**
 * Rows of totals, keys and sums, which only pylon-db writes or computes: numbers are made numbers,
 * whatever the driver has for them, and nothing is refused.
 */
export class PlainRows<const Columns extends readonly PublishedColumn[], Row>
  implements Rows<Ordered<Columns>, Row>
{
  /** The columns as a query selects them. */
  readonly columns: Selection<Columns>;
  readonly decode: (row: RawRow) => Row;
  readonly mayBeCorrupt = false;
  declare readonly out?: (out: Ordered<Columns>) => Ordered<Columns>;
  readonly #names: readonly Columns[number]['name'][];

  constructor(columns: Columns, shape: (row: Selected<Columns>) => Row) {
    this.#names = columns.map(({ name }) => name);
    this.columns = this.#names;
    this.decode = (row) => shape(plainRow(columns, row) as Selected<Columns>);
  }

  /** The same where expressions compute the columns. */
  computed(by: Expressions<Columns>): Computed<Columns> {
    return this.#names.map((name) => by[name].as(name));
  }
}

function plainRow(columns: readonly PublishedColumn[], row: RawRow): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  // Totals are read often: by Object.fromEntries, counting jobs took a fifth longer.
  for (let i = 0; i < columns.length; i++) {
    const column = columns[i];
    if (column === undefined) continue;
    const value = row[i];
    const isNull = value === null && column.isNullable;
    plain[column.name] = isNull ? null : column.kind === 'text' ? String(value) : Number(value);
  }
  return plain;
}
