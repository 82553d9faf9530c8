import type { Progress } from '../../backup/progress.js';
import { isMisfit } from '../../engine/sqlite/sqlite-errors.js';
import { PUBLISHED_COLUMNS } from '../../schema/tables.js';
import type { RowReader } from '../shell/row-reader.js';
import type { Finding } from './finding.js';
import { checkPaidJobs, checkTickCounts } from './invariants.js';
import { checkPayments } from './payments.js';
import { damagedAt, isDamage } from './structure.js';
import { CHECKED_TABLES, checkValues, WrongTimes } from './values.js';

/** A check that wasn't made, and why. */
export interface SkippedCheck {
  readonly check: string;
  readonly reason: string;
}

/** What the checks found, and which were left out. */
export interface Found {
  readonly findings: readonly Finding[];
  readonly skipped: readonly SkippedCheck[];
}

const COLUMNS = {
  ...PUBLISHED_COLUMNS,
  pylon_db_job_totals: ['status', 'count'],
  pylon_db_earning_totals: ['source', 'amount_high', 'amount_low', 'count'],
  pylon_db_paid_jobs: ['id', 'count'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** The columns that checks read, by table. */
type CheckedColumns = typeof COLUMNS;

/** One check. */
export interface Check {
  readonly name: string;
  /** Whether it reads no rows, so that `--quick` makes it too. */
  readonly isQuick?: boolean;
  /** It is left out where one of these tables, or a column of it, is missing. */
  readonly reads?: readonly (keyof CheckedColumns)[];
  run(): readonly Finding[] | Promise<readonly Finding[]>;
}

/** What is checked, and how much. */
interface RunProps {
  /** The checks of a file, or of a server, that come before those of rows. */
  readonly own: readonly Check[];
  readonly rows: RowReader;
  readonly quick: boolean;
  readonly report: (progress: Progress) => void;
}

/**
 * Runs the checks in one state of the database; `quick` leaves out those of rows. Damage ends a
 * check, and is a finding. Throws the driver's other errors.
 */
export async function runChecks({ own, rows, quick, report }: RunProps): Promise<Found> {
  const findings: Finding[] = [];
  const skipped: SkippedCheck[] = [];
  const times = new WrongTimes(rows.correctedWith);
  const checks = [...own, ...checksOfRows(rows, times)];
  const steps = checks.filter(({ isQuick = false }) => isQuick || !quick);
  for (const check of checks) {
    const { name, reads = [], run } = check;
    const done = steps.indexOf(check);
    const reason = done === -1 ? '--quick' : await missingColumn(rows, reads);
    if (reason !== undefined) {
      skipped.push({ check: name, reason });
      continue;
    }
    report({ step: name, done, total: steps.length, unit: 'steps' });
    try {
      findings.push(...(await run()));
    } catch (error) {
      if (isDamage(error)) {
        skipped.push({ check: name, reason: `the file is damaged: ${error.message}` });
        if (findings.every(({ severity }) => severity !== 'damage')) {
          findings.push(...damagedAt(error.message));
        }
      } else if (isMisfit(error)) {
        // The drift that causes it is a finding of its own.
        skipped.push({ check: name, reason: `the schema doesn't fit: ${error.message}` });
      } else throw error;
    }
  }
  return { findings: [...findings, ...times.findings()], skipped };
}

function checksOfRows(rows: RowReader, times: WrongTimes): Check[] {
  return [
    { name: 'paid-jobs', reads: ['jobs', 'earnings'], run: () => checkPaidJobs(rows) },
    { name: 'repeated-payments', reads: ['earnings'], run: () => checkPayments(rows) },
    { name: 'tick-counts', reads: ['agents', 'tick_history'], run: () => checkTickCounts(rows) },
    ...CHECKED_TABLES.map((table) => ({
      name: `values of ${table}`,
      reads: [table],
      run: () => checkValues(rows, table, times),
    })),
  ];
}

/** Why a check can't read these tables, if it can't. */
async function missingColumn(
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
