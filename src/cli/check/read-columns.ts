import { PUBLISHED_COLUMNS } from '../../schema/tables.js';
import type { RowReader } from '../shell/row-reader.js';

const COLUMNS = {
  ...PUBLISHED_COLUMNS,
  pylon_db_job_totals: ['status', 'count'],
  pylon_db_earning_totals: ['source', 'amount_high', 'amount_low', 'count'],
  pylon_db_paid_jobs: ['id', 'count'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** The columns that checks read, by table. */
export type CheckedColumns = typeof COLUMNS;

/** Why a check can't read these tables, if it can't. */
export async function missingColumn(
  { columnsOf }: RowReader,
  tables: readonly (keyof CheckedColumns)[],
): Promise<string | undefined> {
  for (const table of tables) {
    const there = await columnsOf(table);
    if (there.length === 0) return `there is no table ${table}`;
    const column = COLUMNS[table].find((name: string) => !there.includes(name));
    if (column !== undefined) return `there is no column ${table}.${column}`;
  }
  return undefined;
}
