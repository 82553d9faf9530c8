import { firstKeyword } from '../engine/raw-sql.js';
import { tokenizeSql } from '../schema/sql-tokens.js';
import type { SchemaProblem } from './published-check.js';
import { StepRefused } from './watched-runner.js';

/** What migrations share with every other program that opens the database. */
export interface Border {
  /** What is not as published. */
  readonly problems: readonly SchemaProblem[];
  /** The ledger's rows: name → its other columns as text. */
  readonly ledger: ReadonlyMap<string, string>;
}

/** One migration that ran between two looks at the border. */
export interface Crossing {
  readonly name: string;
  readonly direction: 'up' | 'down';
  readonly before: Border;
  readonly after: Border;
  /** What it ran. */
  readonly statements: readonly string[];
}

/**
 * Throws {@link StepRefused} when a migration broke what is published, or changed rows of the ledger
 * besides its own. What was so before it is not its fault.
 */
export function assertBorderKept(crossing: Crossing): void {
  const { before, after, statements } = crossing;
  const known = new Set(before.problems.map(({ problem }) => problem));
  const broken = after.problems.filter(({ problem }) => !known.has(problem));
  const [first] = broken;
  if (first !== undefined) {
    throw new StepRefused(
      `the published schema would be broken: ${broken.map(({ problem }) => problem).join('; ')}`,
      'It left schema and rows as they were. Other programs use the published tables: add a column or table of your own instead.',
      statementOn(first.table, DEFINING, statements),
    );
  }
  const changed = changedRows(crossing);
  if (changed.length === 0) return;
  throw new StepRefused(
    `rows of the ledger would be changed: ${changed.join(', ')}`,
    'It left schema and rows as they were. The ledger is kept by pylon-db: leave the table migrations alone.',
    statementOn('migrations', WRITING, statements),
  );
}

function changedRows({ name, direction, before, after }: Crossing): string[] {
  const names = new Set([...before.ledger.keys(), ...after.ledger.keys()]);
  names.delete(name);
  const changed = [...names].filter(
    (other) => before.ledger.get(other) !== after.ledger.get(other),
  );
  // A trigger may have swallowed it.
  if (after.ledger.has(name) !== (direction === 'up')) changed.push(name);
  return changed;
}

const DEFINING: ReadonlySet<string> = new Set(['CREATE', 'ALTER', 'DROP']);
const WRITING: ReadonlySet<string> = new Set(['INSERT', 'REPLACE', 'UPDATE', 'DELETE', 'WITH']);

/** The last of the statements that names the table; an index on it is not what broke it. */
function statementOn(
  table: string,
  keywords: ReadonlySet<string>,
  statements: readonly string[],
): string | undefined {
  return statements.findLast((sql) => {
    const tokens = tokenizeSql(sql);
    return (
      keywords.has(firstKeyword(sql)) &&
      !/^create\s+(unique\s+)?index/i.test(sql.trim()) &&
      tokens.some(({ kind, text }) => kind !== 'string' && text.toLowerCase() === table)
    );
  });
}
