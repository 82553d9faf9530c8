import type { Drift } from '../../migrate/drift.js';
import type { LedgerRow } from '../../migrate/ledger.js';
import type { PlannedMigration } from '../../migrate/migration-step.js';

/** What a ledger says, and what a list has beyond it. */
export interface LedgerReport {
  readonly rows: readonly LedgerRow[];
  readonly pending: readonly string[];
}

/** What the commands about migrations ask of a database, with one list. Their errors name no API call. */
export interface DatabaseMigrations {
  /** Whether `up` would create the database itself. Throws `CANNOT_OPEN` for what is not a database. */
  isMissing(): boolean;
  /** Throws `SCHEMA_MISMATCH` for another program's database and a newer pylon-db's. */
  ledger(): Promise<LedgerReport>;
  /** Applies what is pending up to the migration in the place `last`, reporting each. */
  up(last: number, onApplied: (names: readonly string[]) => void): Promise<void>;
  /** Reverts the newest, `which` of them, or the one of that name, and gives their names. */
  down(which: number | string): Promise<readonly string[]>;
  /** Reverts `name`, by default the newest, and applies it again; gives its name, or none. */
  redo(name: string | undefined): Promise<readonly string[]>;
  plan(): Promise<readonly PlannedMigration[]>;
  /** What is not as the applied migrations made it. */
  verify(): Promise<{ readonly applied: readonly string[]; readonly drift: readonly Drift[] }>;
}
