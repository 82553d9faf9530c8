import type { Session } from '../../engine/postgres/session.js';
import { PUBLISHED_COLUMNS } from '../../schema/tables.js';

const COLUMNS = {
  ...PUBLISHED_COLUMNS,
  pylon_db_job_totals: ['status', 'count'],
  pylon_db_earning_totals: ['source', 'amount_high', 'amount_low', 'count'],
  pylon_db_paid_jobs: ['id', 'count'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** The columns that checks read, by table. */
export type CheckedColumns = typeof COLUMNS;

/** The columns that a table has; none for a table that isn't there. */
export type LiveColumns = (table: keyof CheckedColumns) => readonly string[];

/** Why a check can't read these tables, if it can't. */
export function missingColumn(
  live: LiveColumns,
  tables: readonly (keyof CheckedColumns)[],
): string | undefined {
  for (const table of tables) {
    const there = live(table);
    if (there.length === 0) return `there is no table ${table}`;
    const column = COLUMNS[table].find((name: string) => !there.includes(name));
    if (column !== undefined) return `there is no column ${table}.${column}`;
  }
  return undefined;
}

/** The columns of a server's tables, in the schema of its search path. */
export async function columnsOf(session: Session): Promise<LiveColumns> {
  const { rows } = await session.texts(
    `select table_name, column_name from information_schema.columns
     where table_schema = current_schema()`,
    [],
  );
  return (table) => rows.flatMap(([of, column]) => (of === table ? [String(column)] : []));
}
