import type { RawRunner } from '../engine/kysely-connection.js';
import { PylonDbError } from '../errors.js';
import { isMark, isWord, tokenizeSql } from '../schema/sql-tokens.js';

/** An own reason not to commit what a migration did, with what to do about it. */
export class StepRefused extends Error {
  constructor(
    problem: string,
    readonly hint?: string,
    readonly statement?: string,
  ) {
    super(problem);
  }
}

/**
 * Runs the statements of one migration and knows which of them it left behind: those that nobody
 * awaited would be logged as done, whatever becomes of them.
 */
export class WatchedRunner implements RawRunner {
  readonly #transaction: RawRunner;
  readonly #name: string;
  readonly #onStatement: (sql: string) => void;
  readonly #inFlight = new Map<Promise<unknown>, string>();
  /** What the migration got as errors, by the statement that failed. */
  readonly #errors = new Map<unknown, string>();
  #unhandled: string | undefined;
  #failedStatement: string | undefined;
  #isOver = false;

  constructor(transaction: RawRunner, name: string, onStatement: (sql: string) => void) {
    this.#transaction = transaction;
    this.#name = name;
    this.#onStatement = onStatement;
  }

  /** The statement that failed last, if any. */
  get failedStatement(): string | undefined {
    return this.#failedStatement;
  }

  /**
   * Runs `migrate`, whose statements come to {@link raw}. Throws {@link StepRefused} when it ended
   * before they did, or left one's error to nobody. All have ended when it returns or throws.
   */
  async watch(migrate: () => Promise<unknown>): Promise<void> {
    watching.add(this);
    if (watching.size === 1) process.on('unhandledRejection', onUnhandledRejection);
    try {
      await migrate();
      const [forgotten] = this.#inFlight.values();
      await this.#end();
      if (forgotten !== undefined) throw notAwaited('ended before its statement had', forgotten);
      if (this.#unhandled !== undefined) {
        throw notAwaited('did not await a statement that failed', this.#unhandled);
      }
    } finally {
      await this.#end();
      watching.delete(this);
      if (watching.size === 0) process.off('unhandledRejection', onUnhandledRejection);
    }
  }

  async raw(sql: string, parameters: readonly unknown[], nodeKind: string) {
    if (this.#isOver) throw this.#refusal();
    this.#onStatement(sql);
    const running = this.#run(sql, parameters, nodeKind);
    this.#inFlight.set(running, sql);
    try {
      return await running;
    } catch (error) {
      this.#failedStatement = sql;
      this.#errors.set(error, sql);
      throw error;
    } finally {
      this.#inFlight.delete(running);
    }
  }

  async #run(sql: string, parameters: readonly unknown[], nodeKind: string) {
    try {
      refuseForeignKeys(sql);
      return await this.#transaction.raw(sql, parameters, nodeKind);
    } finally {
      // An awaited statement ends before its migration goes on. One that isn't awaited must not end
      // before the migration has: SQLite runs them at once.
      await nextTurn();
    }
  }

  async #end(): Promise<void> {
    this.#isOver = true;
    await Promise.allSettled(this.#inFlight.keys());
    // Node.js speaks of a rejection that nobody handles at the end of its turn.
    if (this.#errors.size > 0) await nextTurn();
  }

  #refusal(): PylonDbError {
    const error = new PylonDbError(
      'TRANSACTION_ENDED',
      `migration ${this.#name} has ended`,
      {},
      { operation: 'migration', hint: 'Await every statement before the migration returns.' },
    );
    this.#errors.set(error, '');
    return error;
  }

  /** Whether a rejection that nobody handled is of this migration, which then fails by it. */
  claims(error: unknown): boolean {
    const statement = this.#errors.get(error);
    if (statement !== undefined) this.#unhandled ??= statement;
    return statement !== undefined;
  }
}

/** The migrations that run now in this process. Node.js reports rejections per process only. */
const watching = new Set<WatchedRunner>();

function onUnhandledRejection(error: unknown): void {
  if ([...watching].some((runner) => runner.claims(error))) return;
  // Without a listener Node.js would have thrown it; somebody else's is still to be.
  if (process.listenerCount('unhandledRejection') === 1) throw error;
}

function notAwaited(what: string, statement: string): StepRefused {
  return new StepRefused(
    `it ${what}`,
    'It left schema and rows as they were. Await every statement: `for … of` instead of forEach.',
    statement,
  );
}

/** Throws {@link StepRefused} for a pragma that SQLite ignores inside a transaction. */
function refuseForeignKeys(sql: string): void {
  const [first, second, ...rest] = tokenizeSql(sql).filter((token) => !isMark(token, ';'));
  if (!isWord(first, 'pragma')) return;
  const [name, assigns] = isMark(rest[0], '.') ? [rest[1], rest[2]] : [second, rest[0]];
  if (name?.text.toLowerCase() !== 'foreign_keys' || assigns === undefined) return;
  throw new StepRefused(
    'PRAGMA foreign_keys does nothing inside a transaction',
    'Export rebuildsTables = true from the migration: foreign keys are then off while it runs.',
  );
}

async function nextTurn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
