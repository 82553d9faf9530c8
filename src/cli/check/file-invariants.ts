import type Database from 'better-sqlite3';
import { sql } from 'kysely';
import { type Finding, findingsOf, rowName, Tally } from './finding.js';
import { PAID_JOBS, TICK_COUNTS } from './invariants.js';
import { oddHashes, Payments, repeatedHashes, repeatsOf, standingHashes } from './payments.js';
import type { Questions, RowCheck } from './row-check.js';
import { build, eachRow, fewRows } from './typed-query.js';
import { type CheckedTable, TableValues, valuesQuery } from './values.js';
import { WrongTimes } from './wrong-times.js';

/** What an SQLite file is asked. */
const FILE: Questions = {
  build,
  // In quotes, SQLite would take a rowid that isn't there for text.
  address: (alias) => (alias === undefined ? sql`rowid` : sql.ref(`${alias}.rowid`)),
  correctedWith: 'the sqlite3 shell',
};

/** Earnings of jobs that aren't completed. */
export function checkPaidJobs(db: Database.Database): Finding[] {
  return broken(db, PAID_JOBS);
}

/** Agents that count too few ticks. */
export function checkTickCounts(db: Database.Database): Finding[] {
  return broken(db, TICK_COUNTS);
}

function broken<Row>(db: Database.Database, check: RowCheck<Row>): Finding[] {
  const tally = new Tally();
  for (const row of eachRow(db, check.query(FILE))) tally.add(check.nameOf(row));
  return findingsOf(tally, check.text(tally.count));
}

/** Payments that are counted more than once. */
export function checkPayments(db: Database.Database): Finding[] {
  const payments = new Payments();
  for (const row of eachRow(db, repeatedHashes(FILE))) payments.addRepeated(row);
  for (const row of eachRow(db, oddHashes(FILE))) payments.addOdd(row);
  for (const hashes of payments.asked()) {
    for (const row of eachRow(db, standingHashes(FILE, hashes))) payments.addStanding(row);
  }
  const shown = new Tally();
  for (const spellings of payments.repeated()) {
    for (const [id, rowid] of fewRows(db, repeatsOf(FILE, spellings)))
      shown.add(rowName(id, rowid));
  }
  return payments.findings(shown.rows);
}

/** Times that only a wrong clock gives, of all tables that {@link checkValues} looks at. */
export function wrongTimes(): WrongTimes {
  return new WrongTimes(FILE.correctedWith);
}

/** Values of a table that no service would have stored. */
export function checkValues(
  db: Database.Database,
  table: CheckedTable,
  times: WrongTimes,
): Finding[] {
  const values = new TableValues(table, FILE.correctedWith, times);
  for (const row of eachRow(db, valuesQuery(FILE, table))) values.add(row);
  return values.findings();
}
