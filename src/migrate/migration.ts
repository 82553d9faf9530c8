import type { Kysely } from 'kysely';

/** What a migration gets: a query builder inside the open transaction. It opens none of its own. */
export interface MigrationParams {
  readonly name: string;
  readonly context: Kysely<unknown>;
  /** Which database it runs on, for what the builder says in different words there. */
  readonly engine: 'sqlite' | 'postgres';
}

/** One migration file's exports. */
export interface Migration {
  up(params: MigrationParams): Promise<void>;
  /** Undoes `up` exactly. Without it the migration can't be reverted. */
  down?(params: MigrationParams): Promise<void>;
  /**
   * True for a migration that rebuilds a referenced table: foreign keys are off while it runs, and
   * checked before its COMMIT. (`PRAGMA foreign_keys` inside a transaction does nothing.)
   */
  readonly rebuildsTables?: boolean;
}

/** Migrations in their order: ledger name → lazy import of its file. */
export type MigrationList = Readonly<Record<string, () => Promise<Migration>>>;
