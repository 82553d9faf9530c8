import { PylonDbError } from '../errors.js';
import {
  LEDGER,
  PUBLISHED_TABLES,
  type PublishedColumn,
  type PublishedTable,
  TICK_HISTORY,
} from '../schema/tables.js';
import type { MigrationParams } from './migration.js';

/** What a database says of one column, each rule as SQL would have it. */
export interface ColumnFacts {
  /** `TEXT`, `INTEGER COLLATE nocase`, `INTEGER GENERATED`. */
  readonly type: string;
  readonly nullability: 'NOT NULL' | 'nullable';
  readonly default: string;
  readonly key: string;
  readonly references: string;
  /** The CHECKs that name the column, in a fixed order. */
  readonly checks: string;
  /** Whether no two rows may have the same. */
  readonly unique: boolean;
}

/** What a database says of one table. */
export interface TableFacts {
  readonly columns: ReadonlyMap<string, ColumnFacts>;
  /** What the table is besides an ordinary one: `STRICT`, `WITHOUT ROWID`, `of type view`. */
  readonly oddity: string | undefined;
}

/** The published tables that a database has. */
export type LiveTables = ReadonlyMap<string, TableFacts>;

/** One thing that is not as published. */
export interface SchemaProblem {
  readonly table: string;
  readonly problem: string;
}

/** The words for a rule that a column doesn't have. */
export const NONE = {
  default: 'no default',
  key: 'no key',
  references: 'no foreign key',
  checks: 'no CHECK',
} as const;

/** Whether the ledger's rows can be read. */
export function hasLedgerColumns(live: LiveTables): boolean {
  const columns = live.get(LEDGER.name)?.columns;
  return LEDGER.columns.every(({ name }) => columns?.has(name) === true);
}

/** What in `live` differs from the published schema. More columns are fine where inserts work without. */
export function publishedProblems(
  live: LiveTables,
  engine: MigrationParams['engine'],
): SchemaProblem[] {
  return PUBLISHED_TABLES.flatMap((published) => {
    const { name: table } = published;
    const found = live.get(table);
    const problems =
      found === undefined ? [`table ${table} is missing`] : compare(published, found);
    return problems.map((problem) => ({ table, problem }));
  });

  function compare(published: PublishedTable, { columns, oddity }: TableFacts): string[] {
    const { name: table } = published;
    if (columns.size === 0) return [`table ${table} is ${oddity}`];
    return [
      ...(oddity === undefined ? [] : [`table ${table} is ${oddity}`]),
      ...published.columns.flatMap((column) => {
        const expected = expectedFacts(published, column, engine);
        return columnProblems(`${table}.${column.name}`, expected, columns.get(column.name));
      }),
      ...[...columns]
        .filter(([name, facts]) => isDemanded(facts) && !hasColumn(published, name))
        .map(([name]) => `column ${table}.${name} is NOT NULL and has no default`),
    ];
  }
}

function hasColumn({ columns }: PublishedTable, name: string): boolean {
  return columns.some((column) => column.name === name);
}

/** Why a transaction isn't committed that leaves these problems. */
export function publishedBroken(problems: readonly SchemaProblem[]): PylonDbError<'NOT_SUPPORTED'> {
  return new PylonDbError(
    'NOT_SUPPORTED',
    `the published schema would be broken: ${problems.map(({ problem }) => problem).join('; ')}`,
    {},
    {
      hint: 'Nothing of the transaction was stored. Other programs use the published tables: add a column or table of your own instead.',
    },
  );
}

/** Whether each insert must name the column: those of other programs don't. */
function isDemanded(facts: ColumnFacts): boolean {
  return (
    facts.nullability === 'NOT NULL' &&
    facts.default === NONE.default &&
    !facts.type.endsWith(' GENERATED') &&
    !facts.key.includes('made by the database')
  );
}

function columnProblems(
  column: string,
  expected: ColumnFacts,
  found: ColumnFacts | undefined,
): string[] {
  if (found === undefined) return [`column ${column} is missing`];
  const problems: string[] = [];
  for (const rule of ['type', 'nullability'] as const) {
    if (found[rule] !== expected[rule]) {
      problems.push(`column ${column} is ${found[rule]}, not ${expected[rule]}`);
    }
  }
  for (const rule of ['default', 'key', 'references', 'checks'] as const) {
    if (found[rule] !== expected[rule]) {
      problems.push(`column ${column} has ${found[rule]}, not ${expected[rule]}`);
    }
  }
  if (expected.unique && !found.unique) problems.push(`column ${column} is not UNIQUE`);
  return problems;
}

function expectedFacts(
  table: PublishedTable,
  column: PublishedColumn,
  engine: MigrationParams['engine'],
): ColumnFacts {
  const { name, kind, isNullable, words } = column;
  const isPostgres = engine === 'postgres';
  const isKey = name === table.key;
  const parent = name === table.parent?.column ? table.parent : undefined;
  const names = kind === 'text' && (isKey || parent !== undefined);
  const type = kind.toUpperCase();
  // SQLite's keys may be NULL where nobody says otherwise, and the published schema doesn't.
  const isNotNull = isKey ? isPostgres : !isNullable;
  return {
    // PostgreSQL would compare keys by the server's locale.
    type: isPostgres && names ? `${type} COLLATE C` : type,
    nullability: isNotNull ? 'NOT NULL' : 'nullable',
    default: column.default === undefined ? NONE.default : `DEFAULT ${column.default}`,
    key: expectedKey(table, name, isPostgres),
    references:
      parent === undefined ? NONE.references : `REFERENCES ${parent.table}(${parent.key})`,
    checks: words === undefined ? NONE.checks : enumerationText(name, [...words]),
    unique: name === table.unique,
  };
}

/** A server has an agent's ticks together: the key of `tick_history` has the agent in front. */
function expectedKey(table: PublishedTable, name: string, isPostgres: boolean): string {
  const together = isPostgres && table.name === TICK_HISTORY.name;
  const key = together ? ['agent_npub', 'id'] : [table.key];
  if (!key.includes(name)) return NONE.key;
  return keyText({
    made: name === table.key && table.generatedKey !== undefined,
    once: !isPostgres && table.generatedKey === 'autoincrement',
    place: [key.indexOf(name) + 1, key.length],
  });
}

/** What is said of a column of the primary key. */
export function keyText(key: {
  /** The database makes its value. */
  readonly made?: boolean;
  /** A value that was deleted is never made again. */
  readonly once?: boolean;
  /** Its place among the key's columns, and how many these are. */
  readonly place?: readonly [number, number];
}): string {
  const part = key.place === undefined || key.place[1] === 1 ? '' : ` (${key.place.join(' of ')})`;
  const made = key.made === true ? ' made by the database' : '';
  return `PRIMARY KEY${part}${made}${key.once === true ? ' (AUTOINCREMENT)' : ''}`;
}

/** What is said of `CHECK (column IN (…))`, whatever the order of the values. */
export function enumerationText(column: string, values: readonly string[]): string {
  const list = [...values].sort().map((value) => `'${value.replaceAll("'", "''")}'`);
  return `CHECK (${column} IN (${list.join(', ')}))`;
}
