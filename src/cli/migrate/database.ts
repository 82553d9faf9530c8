import type { Drift } from '../../migrate/drift.js';
import type { LedgerRow } from '../../migrate/ledger.js';
import type { MigrationRunner } from '../../migrate/migration-runner.js';

/** What migrations are run for; `plan` leaves the database as it is. */
export type Direction = 'up' | 'down' | 'plan';

/** What the commands about migrations ask of a database, with one list. Their errors name no API call. */
export interface DatabaseMigrations {
  /** Whether `up` would create the database itself. Throws `CANNOT_OPEN` for what is not a database. */
  isMissing(): boolean;
  /**
   * What a ledger says, and what a list has beyond it. Throws `SCHEMA_MISMATCH` for another program's
   * database and a newer pylon-db's.
   */
  ledger(): Promise<{
    readonly rows: readonly LedgerRow[];
    readonly pending: readonly string[];
  }>;
  /** Runs migrations, or plans them; only `up` may create a missing database. */
  migrate<Result>(
    direction: Direction,
    run: (migrator: MigrationRunner) => Promise<Result>,
  ): Promise<Result>;
  /** What is not as the applied migrations made it. */
  verify(): Promise<{ readonly applied: readonly string[]; readonly drift: readonly Drift[] }>;
}
