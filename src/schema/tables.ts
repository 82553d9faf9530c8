import { EARNING_SOURCES, JOB_STATUSES, LIFECYCLE_STATES } from '../../generated/db.js';

/** A column as the published schema has it, or one of a service. */
export interface TableColumn {
  readonly name: string;
  /** How its values are written down; `any` as a file has them, and a server's other types by name. */
  readonly kind: 'text' | 'integer' | 'real' | 'blob' | 'boolean' | 'any' | `server type ${string}`;
  readonly isNullable: boolean;
  /** The words that a CHECK lets through. */
  readonly words?: ReadonlySet<string>;
}

/** A table of the published schema; its key is the column `key`. */
export interface PublishedTable {
  readonly name: string;
  readonly key: string;
  readonly columns: readonly TableColumn[];
  /** The table that must hold what a column names. */
  readonly parent?: { readonly column: string; readonly table: string; readonly key: string };
}

const text = (name: string): TableColumn => ({ name, kind: 'text', isNullable: false });
const integer = (name: string): TableColumn => ({ name, kind: 'integer', isNullable: false });
const word = (name: string, words: readonly string[]): TableColumn => ({
  ...text(name),
  words: new Set(words),
});
const orNull = (column: TableColumn): TableColumn => ({ ...column, isNullable: true });

const JOBS: PublishedTable = {
  name: 'jobs',
  key: 'id',
  columns: [
    text('id'),
    integer('kind'),
    text('customer_pubkey'),
    word('status', JOB_STATUSES),
    integer('price_msats'),
    orNull(text('input_hash')),
    orNull(text('output_hash')),
    orNull(text('error_message')),
    integer('started_at'),
    orNull(integer('completed_at')),
    integer('created_at'),
  ],
};

const EARNINGS: PublishedTable = {
  name: 'earnings',
  key: 'id',
  columns: [
    text('id'),
    orNull(text('job_id')),
    integer('amount_msats'),
    word('source', EARNING_SOURCES),
    orNull(text('payment_hash')),
    orNull(text('preimage')),
    integer('earned_at'),
  ],
  parent: { column: 'job_id', table: 'jobs', key: 'id' },
};

const AGENTS: PublishedTable = {
  name: 'agents',
  key: 'npub',
  columns: [
    text('npub'),
    text('name'),
    word('lifecycle_state', LIFECYCLE_STATES),
    integer('balance_sats'),
    integer('tick_count'),
    orNull(integer('last_tick_at')),
    orNull(text('memory_json')),
    orNull(text('goals_json')),
    integer('created_at'),
    integer('updated_at'),
  ],
};

const TICK_HISTORY: PublishedTable = {
  name: 'tick_history',
  key: 'id',
  columns: [
    integer('id'),
    text('agent_npub'),
    integer('tick_number'),
    orNull(integer('prompt_tokens')),
    orNull(integer('completion_tokens')),
    orNull(text('actions_json')),
    orNull(integer('cost_sats')),
    orNull(integer('duration_ms')),
    integer('created_at'),
  ],
  parent: { column: 'agent_npub', table: 'agents', key: 'npub' },
};

/** The published tables: parents before what refers to them. */
export const PUBLISHED_TABLES: readonly PublishedTable[] = [JOBS, EARNINGS, AGENTS, TICK_HISTORY];

/** The names of a table's columns, as SQL lists them. */
export function columnList({ columns }: PublishedTable): string {
  return columns.map(({ name }) => quoted(name)).join(', ');
}

/** A name as SQL takes it, whatever is in it. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** SQL that gives the keys of rows whose parent is missing, NULL keys aside. */
export function orphansSql({ name, key, parent }: PublishedTable): string | undefined {
  if (parent === undefined) return undefined;
  return `select c.${key} from ${name} c where c.${parent.column} is not null and not exists
    (select 1 from ${parent.table} p where p.${parent.key} = c.${parent.column}) limit 1`;
}
