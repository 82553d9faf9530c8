import type Database from 'better-sqlite3';
import { checkConstraints, foldName } from '../schema/check-constraints.js';
import { PUBLISHED_NAMES } from '../schema/names.js';
import {
  closingIndex,
  isMark,
  isWord,
  normalSql,
  type SqlToken,
  tableDefinitions,
  tokenizeSql,
} from '../schema/sql-tokens.js';
import { PUBLISHED_INDEXES } from '../schema/tables.js';
import {
  type ColumnFacts,
  enumerationText,
  keyText,
  type LiveTables,
  NONE,
} from './published-check.js';

/** Reads what a file says of the published tables that it has, by pragmas and CHECK tokens. */
export function readFileFacts(db: Database.Database): LiveTables {
  const tables = ofPublished<{ type: string; sql: string; wr: number; strict: number }>(
    db,
    `l.type, m.sql, l.wr, l.strict`,
    `join pragma_table_list l on l.name = m.name and l.schema = 'main'`,
  );
  const columns = grouped(
    ofPublished<LiveColumn>(
      db,
      'c.name, upper(c.type) as type, c."notnull", c.dflt_value as "default", c.pk, c.hidden',
      `join pragma_table_xinfo(m.name, 'main') c`,
    ),
  );
  const indexes = grouped(
    ofPublished<LiveIndex>(
      db,
      'l.origin, l."unique" and not l.partial as "unique", min(i.name) as "column", count(*) as columns',
      `join pragma_index_list(m.name, 'main') l join pragma_index_info(l.name, 'main') i
       group by m.name, l.name`,
    ),
  );
  const references = grouped(
    ofPublished<{ from: string; text: string }>(
      db,
      `f."from", 'REFERENCES ' || f."table" || '(' ||
         coalesce(f."to", (select p.name from pragma_table_info(f."table", 'main') p where p.pk = 1)) ||
         ')' || iif(f.on_delete = 'NO ACTION', '', ' ON DELETE ' || f.on_delete) ||
         iif(f.on_update = 'NO ACTION', '', ' ON UPDATE ' || f.on_update) as text`,
      `join pragma_foreign_key_list(m.name, 'main') f`,
    ),
  );
  return new Map(
    tables.map(({ table, type, sql, wr, strict }) => {
      const options = [wr === 1 ? 'WITHOUT ROWID' : '', strict === 1 ? 'STRICT' : ''];
      const oddity = type === 'table' ? options.filter(Boolean).join(', ') : `of type ${type}`;
      const live = {
        sql,
        columns: columns.get(table) ?? [],
        indexes: indexes.get(table) ?? [],
        references: joined((references.get(table) ?? []).map(({ from, text }) => [from, text])),
      };
      return [
        table,
        { oddity: oddity || undefined, columns: type === 'view' ? new Map() : columnFacts(live) },
      ];
    }),
  );
}

/** Asks pragmas about each published table that is there, as `m`. */
function ofPublished<Row>(
  db: Database.Database,
  columns: string,
  joins: string,
): (Row & { readonly table: string })[] {
  return db
    .prepare<[string], Row & { readonly table: string }>(
      `select m.name as "table", ${columns}
       from (select name, sql from sqlite_master
         where type in ('table', 'view') and name in (select value from json_each(?))) m ${joins}`,
    )
    .all(JSON.stringify(PUBLISHED_NAMES));
}

function grouped<Row extends { readonly table: string }>(
  rows: readonly Row[],
): ReadonlyMap<string, readonly Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) groups.set(row.table, [...(groups.get(row.table) ?? []), row]);
  return groups;
}

/** What of the published indexes a file has under their names, but as others. */
export function fileIndexProblems(db: Database.Database): string[] {
  const found = db.prepare<[string], { name: string; type: string; place: string }>(
    `select m.name, m.type, m.tbl_name || '(' || group_concat(i.name, ', ') || ')' as place
     from sqlite_master m left join pragma_index_info(m.name, 'main') i
     where m.name in (select value from json_each(?)) group by m.name`,
  );
  return found
    .all(JSON.stringify(Object.keys(PUBLISHED_INDEXES)))
    .filter(({ name, place }) => place !== PUBLISHED_INDEXES[name])
    .map(({ name, type, place }) =>
      type === 'index'
        ? `index ${name} is on ${place}, not on ${PUBLISHED_INDEXES[name]}`
        : `${name} is a ${type}, not an index`,
    );
}

interface LiveColumn {
  readonly name: string;
  readonly type: string;
  readonly notnull: number;
  readonly default: string | null;
  /** Its place in the primary key, from 1; 0 outside it. */
  readonly pk: number;
  /** 2 and 3 for a computed column. */
  readonly hidden: number;
}

interface LiveIndex {
  readonly origin: string;
  /** Whether it keeps every row unique: a partial one doesn't. */
  readonly unique: number;
  readonly column: string;
  readonly columns: number;
}

interface LiveTable {
  readonly sql: string;
  readonly columns: readonly LiveColumn[];
  readonly indexes: readonly LiveIndex[];
  readonly references: ReadonlyMap<string, string>;
}

function columnFacts({ sql, columns, indexes, references }: LiveTable): Map<string, ColumnFacts> {
  const tokens = tokenizeSql(sql);
  const definitions = tableDefinitions(tokens);
  const checks = readChecks(
    sql,
    columns.map(({ name }) => foldName(name)),
  );
  const key = {
    // A primary key that is the rowid has no index.
    made: indexes.every(({ origin }) => origin !== 'pk'),
    once: tokens.some((token) => isWord(token, 'autoincrement')),
  };
  const parts = columns.filter(({ pk }) => pk > 0).length;
  return new Map(
    columns.map((column): [string, ColumnFacts] => {
      const clauses = clausesOf(definitions, column.name);
      const keyed = keyText({ ...key, place: [column.pk, parts] }) + conflict(clauses);
      return [
        column.name,
        {
          type: column.type + collation(clauses) + (column.hidden > 1 ? ' GENERATED' : ''),
          nullability: column.notnull === 1 ? 'NOT NULL' : 'nullable',
          default: defaultText(column.default),
          key: column.pk === 0 ? NONE.key : keyed,
          references: references.get(column.name) ?? NONE.references,
          checks: checks.get(foldName(column.name)) ?? NONE.checks,
          unique: indexes.some((index) => isUnique(index, column.name)),
        },
      ];
    }),
  );
}

function isUnique(index: LiveIndex, column: string): boolean {
  return index.unique === 1 && index.columns === 1 && index.column === column;
}

function readChecks(sql: string, columns: readonly string[]): ReadonlyMap<string, string> {
  const rows = checkConstraints(sql).flatMap(({ tokens, enumeration }): [string, string][] => {
    if (enumeration !== undefined) {
      const { column, values } = enumeration;
      return [[column, enumerationText(column, values)]];
    }
    const names = new Set(tokens.filter(isNameLike).map(({ text }) => foldName(text)));
    const text = `CHECK (${normalSql(tokens)})`;
    return columns.filter((column) => names.has(column)).map((column) => [column, text]);
  });
  return joined(rows);
}

const isNameLike = ({ kind }: SqlToken) => kind === 'word' || kind === 'name';

/** All that is said of one name, once each and in a fixed order. */
function joined(rows: readonly (readonly [string, string])[]): Map<string, string> {
  const texts = new Map<string, Set<string>>();
  for (const [name, text] of rows) texts.set(name, (texts.get(name) ?? new Set()).add(text));
  return new Map([...texts].map(([name, found]) => [name, [...found].sort().join(' ')]));
}

/** The tokens of a column's definition outside its parentheses. */
function clausesOf(definitions: readonly SqlToken[][], column: string): SqlToken[] {
  const definition = definitions.find(
    ([first]) => first !== undefined && foldName(first.text) === foldName(column),
  );
  const clauses: SqlToken[] = [];
  for (let index = 1; index < (definition?.length ?? 0); index++) {
    const token = definition?.[index];
    if (definition === undefined || token === undefined) break;
    if (isMark(token, '(')) index = closingIndex(definition, index);
    else clauses.push(token);
  }
  return clauses;
}

function collation(clauses: readonly SqlToken[]): string {
  const name = clauses[clauses.findIndex((token) => isWord(token, 'collate')) + 1];
  const isNamed = clauses.some((token) => isWord(token, 'collate')) && name !== undefined;
  return isNamed && foldName(name.text) !== 'binary' ? ` COLLATE ${foldName(name.text)}` : '';
}

/** `ON CONFLICT REPLACE` and the like: an insert of a known key would not be refused. */
function conflict(clauses: readonly SqlToken[]): string {
  const at = clauses.findIndex((token) => isWord(token, 'conflict'));
  const action = clauses[at + 1]?.text.toUpperCase();
  return at === -1 || action === undefined || action === 'ABORT' ? '' : ` ON CONFLICT ${action}`;
}

function defaultText(sql: string | null): string {
  if (sql === null) return NONE.default;
  let tokens = tokenizeSql(sql);
  while (isMark(tokens[0], '(') && closingIndex(tokens, 0) === tokens.length - 1) {
    tokens = tokens.slice(1, -1);
  }
  const text = normalSql(tokens);
  return text === 'null' ? NONE.default : `DEFAULT ${text}`;
}
