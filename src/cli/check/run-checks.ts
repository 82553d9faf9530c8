import type Database from 'better-sqlite3';
import type { Progress } from '../../backup/progress.js';
import { isMisfit } from '../../engine/sqlite/sqlite-errors.js';
import {
  checkPaidJobs,
  checkPayments,
  checkTickCounts,
  checkValues,
  wrongTimes,
} from './file-invariants.js';
import type { Finding } from './finding.js';
import { type CheckedColumns, missingColumn } from './read-columns.js';
import { checkRollups } from './rollups.js';
import { checkForeignKeys, checkIntegrity, damagedAt, isDamage } from './structure.js';
import { CHECKED_TABLES } from './values.js';
import type { WrongTimes } from './wrong-times.js';

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

/** One check of rows: it is left out where a table or column that it reads is missing. */
interface Check {
  readonly name: string;
  readonly reads: readonly (keyof CheckedColumns)[];
  run(db: Database.Database, times: WrongTimes): readonly Finding[];
}

const CHECKS: readonly Check[] = [
  { name: 'foreign-keys', reads: [], run: checkForeignKeys },
  {
    name: 'rollups',
    reads: [
      'jobs',
      'earnings',
      'pylon_db_job_totals',
      'pylon_db_earning_totals',
      'pylon_db_paid_jobs',
    ],
    run: checkRollups,
  },
  { name: 'paid-jobs', reads: ['jobs', 'earnings'], run: checkPaidJobs },
  { name: 'repeated-payments', reads: ['earnings'], run: checkPayments },
  { name: 'tick-counts', reads: ['agents', 'tick_history'], run: checkTickCounts },
  ...CHECKED_TABLES.map((table) => ({
    name: `values of ${table}`,
    reads: [table],
    run: (db: Database.Database, times: WrongTimes) => checkValues(db, table, times),
  })),
];

/**
 * Runs the checks on a connection that reads one state of the file; `quick` leaves out those of
 * rows. Damage ends a check, and is a finding. Throws the driver's other errors.
 */
export function runChecks(
  db: Database.Database,
  quick: boolean,
  report: (progress: Progress) => void,
): Found {
  const steps = ['integrity', ...(quick ? [] : CHECKS.map(({ name }) => name))];
  const begins = (step: string) =>
    report({ step, done: steps.indexOf(step), total: steps.length, unit: 'steps' });

  begins('integrity');
  const findings = checkIntegrity(db, !quick);
  const skipped: SkippedCheck[] = [];
  const times = wrongTimes();
  for (const { name, reads, run } of CHECKS) {
    const reason = quick ? '--quick' : missingOf(db, reads);
    if (reason !== undefined) {
      skipped.push({ check: name, reason });
      continue;
    }
    begins(name);
    try {
      findings.push(...run(db, times));
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

function missingOf(
  db: Database.Database,
  tables: readonly (keyof CheckedColumns)[],
): string | undefined {
  const info = db.prepare<[string], string>('select name from pragma_table_info(?)').pluck();
  return missingColumn((table) => info.all(table), tables);
}
