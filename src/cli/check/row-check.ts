import type { Compilable, QueryCreator, RawBuilder } from 'kysely';
import type { DB } from '../../../generated/db.js';
import type { Finding } from './finding.js';

/** Builds the questions of checks for one kind of database, and runs none. */
export interface Questions {
  readonly build: QueryCreator<DB>;
  /** What distinguishes a row from all others of its table when its key doesn't; `alias` is for joins. */
  address(alias?: string): RawBuilder<unknown>;
  /** The program with which rows are corrected by hand. */
  readonly correctedWith: string;
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
