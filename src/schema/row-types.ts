import type { AliasableExpression, AliasedExpression } from 'kysely';
import type { Column, PublishedColumn } from './tables.js';

// Types of rows, derived from a list of columns.

declare const COLUMN: unique symbol;

type ValueOf<Of> = Of extends Column<string, infer Value> ? Value : never;

/** A value that says which column it is of: no other's is taken for it. */
type Named<Name, Value> = Value extends null ? null : Value & { readonly [COLUMN]?: Name };

/** A row of these columns as the driver gives it. */
export type InOrder<Columns extends readonly PublishedColumn[]> = {
  readonly [I in keyof Columns]: Named<Columns[I]['name'], ValueOf<Columns[I]>>;
};

/** An object with these columns, each value in its own. */
export type ByName<Columns extends readonly PublishedColumn[]> = {
  [Of in Columns[number] as Of['name']]: Named<Of['name'], ValueOf<Of>>;
};

/** What Kysely says of a query that selects these columns. */
export type Selected<Columns extends readonly PublishedColumn[]> = {
  [Of in Columns[number] as Of['name']]: ValueOf<Of>;
};

/**
 * The names in a list, as a name. Kysely's types don't know the order of a SELECT: this one stands
 * in them as a column that no query has, and comes from the list of columns only.
 */
type OrderOf<Columns extends readonly PublishedColumn[]> = `in the order ${Joined<Columns>}`;

type Joined<Columns extends readonly PublishedColumn[]> = Columns extends readonly [
  infer First extends PublishedColumn,
  ...infer Rest extends readonly PublishedColumn[],
]
  ? `${First['name']} ${Joined<Rest>}`
  : '';

type IsOne<Columns extends readonly PublishedColumn[]> = Columns['length'] extends 1 ? true : false;

/** What Kysely says where they come from the list of columns, and so in its order. */
export type Ordered<Columns extends readonly PublishedColumn[]> = Selected<Columns> &
  (IsOne<Columns> extends true ? unknown : Record<OrderOf<Columns>, true>);

type OrderMark<Columns extends readonly PublishedColumn[]> =
  IsOne<Columns> extends true ? never : AliasedExpression<true, OrderOf<Columns>>;

/** What `select` and `returning` take. */
export type Selection<Columns extends readonly PublishedColumn[]> = readonly (
  | Columns[number]['name']
  | OrderMark<Columns>
)[];

type OfName<Columns extends readonly PublishedColumn[], Name> = ValueOf<
  Extract<Columns[number], { readonly name: Name }>
>;

/** What computes each of these columns. */
export type Expressions<Columns extends readonly PublishedColumn[]> = {
  readonly [Name in Columns[number]['name']]: AliasableExpression<OfName<Columns, Name>>;
};

/** The same as `select` takes it. */
export type Computed<Columns extends readonly PublishedColumn[]> = readonly (
  | {
      [Name in Columns[number]['name']]: AliasedExpression<OfName<Columns, Name>, Name>;
    }[Columns[number]['name']]
  | OrderMark<Columns>
)[];
