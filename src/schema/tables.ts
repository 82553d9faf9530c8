import type { SelectType } from 'kysely';
import { type DB, EARNING_SOURCES, JOB_STATUSES, LIFECYCLE_STATES } from '../../generated/db.js';
import { DATA_TABLE_NAMES, type PublishedName } from './names.js';

/** A column as the published schema has it, or one of a service. */
export interface TableColumn {
  readonly name: string;
  /** How its values are written down; `any` as a file has them, and a server's other types by name. */
  readonly kind: 'text' | 'integer' | 'real' | 'blob' | 'boolean' | 'any' | `server type ${string}`;
  readonly isNullable: boolean;
  /** The words that a CHECK lets through. */
  readonly words?: ReadonlySet<string>;
}

/** A table whose rows are copied; its key is the column `key`. */
export interface CopiedTable {
  readonly name: string;
  readonly key: string;
  readonly columns: readonly TableColumn[];
  /** The table that must hold what a column names. */
  readonly parent?: { readonly column: string; readonly table: string; readonly key: string };
}

/** A column of the published schema. */
export interface PublishedColumn extends TableColumn {
  readonly kind: 'text' | 'integer';
  readonly default?: '0' | 'unixepoch()';
}

/** A column and what TypeScript has for its values. */
export interface Column<Name extends string, Value> extends PublishedColumn {
  readonly name: Name;
  /** Never there: only its type is used. */
  readonly value?: (value: Value) => Value;
}

/** A table of the published schema. */
export interface PublishedTable extends CopiedTable {
  readonly columns: readonly PublishedColumn[];
  /** Whether the database makes the key, with `autoincrement` never the same again. */
  readonly generatedKey?: 'rowid' | 'autoincrement';
  /** Another column of which no two rows have the same. */
  readonly unique?: string;
}

/** A published table with what its columns hold; the first of them is its key. */
export interface Table<Columns extends readonly PublishedColumn[]> extends PublishedTable {
  readonly key: Columns[0]['name'];
  readonly columns: Columns;
}

/** A column that holds text. */
export const text = <Name extends string>(name: Name): Column<Name, string> => ({
  name,
  kind: 'text',
  isNullable: false,
});

/** A column that holds a number. */
export const integer = <Name extends string>(
  name: Name,
  byDefault?: '0' | 'unixepoch()',
): Column<Name, number> => ({
  name,
  kind: 'integer',
  isNullable: false,
  ...(byDefault === undefined ? {} : { default: byDefault }),
});

/** The same column where it may be NULL. */
export const orNull = <Name extends string, Value>({
  name,
  kind,
}: Column<Name, Value>): Column<Name, Value | null> => ({ name, kind, isNullable: true });

const word = <Name extends string, Word extends string>(
  name: Name,
  words: readonly Word[],
): Column<Name, Word> => ({ name, kind: 'text', isNullable: false, words: new Set(words) });

type ColumnOf<Name extends keyof DB> = {
  [Key in keyof DB[Name] & string]: Column<Key, SelectType<DB[Name][Key]>>;
}[keyof DB[Name] & string];

type Missing<Name extends keyof DB, Columns extends readonly PublishedColumn[]> = Exclude<
  keyof DB[Name],
  Columns[number]['name']
>;

/** The description of a table. Compiles only with each of its columns, of the kind that the live schema has. */
export function describeTable<
  Name extends keyof DB & string,
  const Columns extends readonly [ColumnOf<Name>, ...ColumnOf<Name>[]],
>(
  name: Name,
  columns: Columns &
    ([Missing<Name, Columns>] extends [never]
      ? unknown
      : { readonly missing: Missing<Name, Columns> }),
  more: Pick<PublishedTable, 'parent' | 'generatedKey' | 'unique'> = {},
): Table<Columns> {
  return { name, key: columns[0].name, columns, ...more };
}

/** The work that a node was given. */
export const JOBS = describeTable('jobs', [
  text('id'),
  integer('kind'),
  text('customer_pubkey'),
  word('status', JOB_STATUSES),
  integer('price_msats', '0'),
  orNull(text('input_hash')),
  orNull(text('output_hash')),
  orNull(text('error_message')),
  integer('started_at'),
  orNull(integer('completed_at')),
  integer('created_at', 'unixepoch()'),
]);

/** What a node was paid. */
export const EARNINGS = describeTable(
  'earnings',
  [
    text('id'),
    orNull(text('job_id')),
    integer('amount_msats'),
    word('source', EARNING_SOURCES),
    orNull(text('payment_hash')),
    orNull(text('preimage')),
    integer('earned_at', 'unixepoch()'),
  ],
  { parent: { column: 'job_id', table: 'jobs', key: 'id' } },
);

/** The agents that a node hosts. */
export const AGENTS = describeTable('agents', [
  text('npub'),
  text('name'),
  word('lifecycle_state', LIFECYCLE_STATES),
  integer('balance_sats', '0'),
  integer('tick_count', '0'),
  orNull(integer('last_tick_at')),
  orNull(text('memory_json')),
  orNull(text('goals_json')),
  integer('created_at', 'unixepoch()'),
  integer('updated_at', 'unixepoch()'),
]);

/** What each agent did. */
export const TICK_HISTORY = describeTable(
  'tick_history',
  [
    integer('id'),
    text('agent_npub'),
    integer('tick_number'),
    orNull(integer('prompt_tokens')),
    orNull(integer('completion_tokens')),
    orNull(text('actions_json')),
    orNull(integer('cost_sats')),
    orNull(integer('duration_ms')),
    integer('created_at', 'unixepoch()'),
  ],
  {
    parent: { column: 'agent_npub', table: 'agents', key: 'npub' },
    generatedKey: 'autoincrement',
  },
);

/** The ledger of migrations. */
export const LEDGER = describeTable(
  'migrations',
  [integer('id'), text('name'), integer('applied_at', 'unixepoch()')],
  { generatedKey: 'rowid', unique: 'name' },
);

/** The keys that the database makes, by table. */
export interface GeneratedKeys {
  readonly tick_history: (typeof TICK_HISTORY)['key'];
  readonly migrations: (typeof LEDGER)['key'];
}

const TABLES = {
  jobs: JOBS,
  earnings: EARNINGS,
  agents: AGENTS,
  tick_history: TICK_HISTORY,
  migrations: LEDGER,
} satisfies Record<PublishedName, PublishedTable>;

/** The tables that services write: parents before what refers to them. */
export const DATA_TABLES: readonly PublishedTable[] = DATA_TABLE_NAMES.map((name) => TABLES[name]);

/** All published tables. */
export const PUBLISHED_TABLES: readonly PublishedTable[] = [...DATA_TABLES, LEDGER];

/** The columns of each, in their order. */
export const PUBLISHED_COLUMNS: Readonly<Record<PublishedName, readonly string[]>> = {
  jobs: namesOf(JOBS),
  earnings: namesOf(EARNINGS),
  agents: namesOf(AGENTS),
  tick_history: namesOf(TICK_HISTORY),
  migrations: namesOf(LEDGER),
};

function namesOf({ columns }: PublishedTable): readonly string[] {
  return columns.map(({ name }) => name);
}

/** The published indexes: name → table and column. */
export const PUBLISHED_INDEXES: Readonly<Record<string, string>> = {
  idx_jobs_status: 'jobs(status)',
  idx_jobs_customer: 'jobs(customer_pubkey)',
  idx_jobs_created: 'jobs(created_at)',
  idx_earnings_job: 'earnings(job_id)',
  idx_earnings_date: 'earnings(earned_at)',
  idx_agents_state: 'agents(lifecycle_state)',
  idx_tick_history_agent: 'tick_history(agent_npub)',
  idx_tick_history_date: 'tick_history(created_at)',
};

/** The names of a table's columns, as SQL lists them. */
export function columnList({ columns }: CopiedTable): string {
  return columns.map(({ name }) => quoted(name)).join(', ');
}

/** A name as SQL takes it, whatever is in it. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** SQL that gives the keys of rows whose parent is missing, NULL keys aside. */
export function orphansSql({ name, key, parent }: CopiedTable): string | undefined {
  if (parent === undefined) return undefined;
  return `select c.${key} from ${name} c where c.${parent.column} is not null and not exists
    (select 1 from ${parent.table} p where p.${parent.key} = c.${parent.column}) limit 1`;
}
