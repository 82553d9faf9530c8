import type Database from 'better-sqlite3';

/** The tables that can be exported, each with the column that `--since` looks at. */
const TIME_COLUMNS = {
  jobs: 'created_at',
  earnings: 'earned_at',
  agents: 'updated_at',
  tick_history: 'created_at',
  migrations: 'applied_at',
} as const;

/** A published table, the ledger included. */
export type ExportTable = keyof typeof TIME_COLUMNS;

/** All of {@link ExportTable}: parents before what refers to them. */
export const EXPORT_TABLES: readonly ExportTable[] = [
  'migrations',
  'jobs',
  'earnings',
  'agents',
  'tick_history',
];

/** The column of a table that says when its row was made, or last changed. */
export function timeColumnOf(table: ExportTable): string {
  return TIME_COLUMNS[table];
}

/**
 * Whoever has the preimage can prove the payment: exports of tables leave it out unless asked for it.
 * A query is its author's, who has the file: it gives what it asks for.
 */
export const SECRET = { table: 'earnings', column: 'preimage' } as const;

/** The stored columns of a table in their order, those that others added included. */
export function columnsOf(
  db: Database.Database,
  table: ExportTable,
  includeSecrets: boolean,
): string[] {
  const columns = db
    .prepare<[string], string>('select name from pragma_table_info(?)')
    .pluck()
    .all(table);
  if (includeSecrets || table !== SECRET.table) return columns;
  return columns.filter((column) => column !== SECRET.column);
}

/** A name as SQL quotes it. */
export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
