import {
  closingIndex,
  isMark,
  isWord,
  type SqlToken,
  tableDefinitions,
  tokenizeSql,
} from './sql-tokens.js';

/** One CHECK of a table. */
interface CheckConstraint {
  /** What stands between its parentheses. */
  readonly tokens: readonly SqlToken[];
  /** The column and texts of `column IN ('a', 'b')` or `column = 'a'`; undefined for a CHECK of any other form. */
  readonly enumeration: { readonly column: string; readonly values: readonly string[] } | undefined;
}

/** Every CHECK of a CREATE TABLE, of columns and of the table. */
export function checkConstraints(createTableSql: string): CheckConstraint[] {
  return tableDefinitions(tokenizeSql(createTableSql))
    .flatMap(checkExpressions)
    .map((tokens) => ({ tokens, enumeration: readEnumeration(tokens) }));
}

/**
 * The texts that `CHECK (column IN ('a', 'b'))` allows, by {@link foldName folded} column name, in
 * the order of the CHECK; several CHECKs of one column allow what all of them do. A CHECK of any
 * other form is passed over, and so is a column with a collation in which 'A' may equal 'a'.
 */
export function enumeratedColumns(createTableSql: string): Map<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const { enumeration } of checkConstraints(createTableSql)) {
    if (enumeration === undefined) continue;
    const { column, values } = enumeration;
    const before = found.get(column) ?? values;
    found.set(
      column,
      before.filter((value) => values.includes(value)),
    );
  }
  const definitions = tableDefinitions(tokenizeSql(createTableSql));
  for (const column of definitions.flatMap(looselyCollatedColumn)) found.delete(column);
  for (const [column, values] of found) {
    if (values.length === 0) found.delete(column);
  }
  return found;
}

/** A name as SQLite compares names: ASCII letters regardless of case. */
export function foldName(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** The tokens inside each CHECK of one column or table constraint; not of nested expressions. */
function checkExpressions(definition: readonly SqlToken[]): SqlToken[][] {
  const expressions: SqlToken[][] = [];
  for (let index = 0; index < definition.length; index++) {
    if (!isMark(definition[index], '(')) continue;
    const close = closingIndex(definition, index);
    if (isWord(definition[index - 1], 'check')) {
      expressions.push(definition.slice(index + 1, close));
    }
    index = close;
  }
  return expressions;
}

/** Reads exactly `[table.]column IN ('a', …)` or `… = 'a'`, in any number of outer parentheses. */
function readEnumeration(
  tokens: readonly SqlToken[],
): { column: string; values: string[] } | undefined {
  if (isMark(tokens[0], '(') && closingIndex(tokens, 0) === tokens.length - 1) {
    return readEnumeration(tokens.slice(1, -1));
  }
  const operator = tokens.findIndex((token) => isWord(token, 'in') || isMark(token, '='));
  const column = readColumn(tokens.slice(0, operator === -1 ? 0 : operator));
  const list = tokens.slice(operator + 1);
  const values = isMark(tokens[operator], '=') ? readString(list) : readStrings(list);
  return column === undefined || values === undefined ? undefined : { column, values };
}

function readColumn(tokens: readonly SqlToken[]): string | undefined {
  const qualified = tokens.length === 3 && isName(tokens[0]) && isMark(tokens[1], '.');
  const name = qualified ? tokens[2] : tokens.length === 1 ? tokens[0] : undefined;
  return isName(name) ? foldName(name.text) : undefined;
}

/** The distinct strings of `('a', 'b')`; undefined if anything else is in it. */
function readStrings(tokens: readonly SqlToken[]): string[] | undefined {
  const items = tokens.slice(1, -1);
  const wellFormed =
    isMark(tokens[0], '(') &&
    isMark(tokens.at(-1), ')') &&
    items.length % 2 === 1 &&
    items.every((item, index) => (index % 2 === 0 ? item.kind === 'string' : isMark(item, ',')));
  if (!wellFormed) return undefined;
  return [...new Set(items.filter((_, index) => index % 2 === 0).map((item) => item.text))];
}

function readString(tokens: readonly SqlToken[]): string[] | undefined {
  const [token] = tokens;
  return tokens.length === 1 && token?.kind === 'string' ? [token.text] : undefined;
}

/** The column's folded name, if its definition declares a collation other than BINARY. */
function looselyCollatedColumn(definition: readonly SqlToken[]): string[] {
  const [column] = definition;
  const collate = definition.findIndex((token) => isWord(token, 'collate'));
  if (column === undefined || collate === -1) return [];
  const collation = definition[collate + 1]?.text ?? '';
  return foldName(collation) === 'binary' ? [] : [foldName(column.text)];
}

function isName(token: SqlToken | undefined): token is SqlToken {
  return token?.kind === 'word' || token?.kind === 'name';
}
