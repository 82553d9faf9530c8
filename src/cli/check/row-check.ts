import type { Compilable, QueryCreator, RawBuilder } from 'kysely';
import type { DB } from '../../../generated/db.js';
import type { Finding } from './finding.js';

/** Builds the questions of checks for one kind of database, and runs none. */
export interface Questions {
  readonly build: QueryCreator<DB>;
  /** What tells a row from all others of its table when its key doesn't; `alias` is for joins. */
  address(alias?: string): RawBuilder<unknown>;
  /** The program that mends rows by hand. */
  readonly mendedWith: string;
}

/** What a finding says, without the rows that it counts. */
export type FindingText = Pick<Finding, 'check' | 'severity' | 'problem' | 'mend'>;

/** A rule that every row which the question gives has broken. */
export interface RowCheck<Row> {
  query(questions: Questions): Compilable<Row>;
  /** What the finding calls a row. */
  nameOf(row: Row): string;
  text(count: number): FindingText;
}
