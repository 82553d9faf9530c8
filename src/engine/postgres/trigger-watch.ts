import type { PylonDbError } from '../../errors.js';
import { DATA_TABLE_NAMES } from '../../schema/names.js';
import type { ForeignTriggers } from '../outcome.js';
import type { Statement, StatementResult } from './batch.js';
import { HIDING_TABLES, rowsHidden } from './row-security.js';
import { fixed } from './statement.js';

/** How long units rely on one look, in ms: it costs the server a tenth of one. */
const LOOK_EVERY_MS = 1000;

const PUBLISHED = `(${DATA_TABLE_NAMES.map((name) => `to_regclass('${name}')`).join(', ')})`;

/**
 * The published tables that have triggers of others, or rules, and whether some of these may fire at
 * COMMIT. Not those that fire on TRUNCATE only: 4, 8 and 16 are INSERT, DELETE and UPDATE.
 */
const LOOK = fixed(
  `select relname, coalesce(at_commit, false) from pg_class, lateral (
      select count(*) as triggers, bool_or(tgdeferrable) as at_commit from pg_trigger
      where tgrelid = pg_class.oid and not tgisinternal
        and tgenabled <> 'D' and (tgtype & 28) <> 0 and tgname !~ '^pylon_db_') as foreign_ones
    where oid in ${PUBLISHED} and (
      triggers > 0 or exists (select 1 from pg_rewrite where ev_class = pg_class.oid))`,
);

/**
 * Knows which tables have triggers of other programs, and whether policies hide rows. It asks along with a write now and then: what
 * it learns holds for the writes called after that.
 */
export class TriggerWatch {
  #tables: ForeignTriggers = new Set();
  #mayFireAtCommit = false;
  #hidden: PylonDbError | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;

  get tables(): ForeignTriggers {
    return this.#tables;
  }

  /** Whether one of them is a constraint trigger that can be deferred. */
  get mayFireAtCommit(): boolean {
    return this.#mayFireAtCommit;
  }

  /** Throws `NOT_SUPPORTED` once policies were found that may hide rows of ours from the role. */
  assertAllVisible(): void {
    if (this.#hidden !== undefined) throw this.#hidden;
  }

  /** The statements to send along: none while the last look is young. */
  due(): readonly Statement[] {
    const now = performance.now();
    if (now - this.#lookedAt < LOOK_EVERY_MS) return [];
    this.#lookedAt = now;
    return [LOOK, HIDING_TABLES];
  }

  /** Takes the answers, if what is {@link due} was among the statements. */
  learn(statements: readonly Statement[], results: readonly StatementResult[]): void {
    const answer = results[statements.indexOf(LOOK)];
    const hiding = results[statements.indexOf(HIDING_TABLES)];
    if (answer === undefined || hiding === undefined) return;
    this.#hidden = rowsHidden(hiding);
    this.#tables = new Set(answer.rows.map(([name]) => String(name)));
    this.#mayFireAtCommit = answer.rows.some(([, atCommit]) => atCommit === 't');
  }

  /** Lets the next write ask: ad-hoc SQL may have made a trigger. */
  forget(): void {
    this.#lookedAt = Number.NEGATIVE_INFINITY;
  }
}
