import { PylonDbError } from '../../errors.js';
import type { SnapshotRows, Step, UnitResults, WriteHandle } from '../engine.js';
import type { RawResult } from '../kysely-connection.js';
import type { Bound } from '../prepared.js';
import { endedError } from '../refusals.js';
import { inQuery } from '../typed-queries.js';
import { BatchFailure, type Statement, type StatementResult } from './batch.js';
import { commit, FIRE_DEFERRED, ROLLBACK } from './commit.js';
import { isConflict, isConnectionLost, isStale, isUnsupported, timedLock } from './failures.js';
import { takePaymentLock } from './payment-lock.js';
import { toPylonDbError } from './postgres-errors.js';
import { mayChangeSchema } from './raw-sql.js';
import type { AssertPublished } from './raw-write.js';
import type { Session } from './session.js';
import { fixed, rowsOf, type StatementCompiler } from './statement.js';
import type { TriggerWatch } from './trigger-watch.js';
import { type Answer, Unit } from './unit.js';

// Serializable as SQLite's are: what was read before a write still holds when it commits.
const BEGIN = fixed('begin isolation level serializable');
const SAVEPOINT = fixed('savepoint unit');
const RELEASE = fixed('release savepoint unit');
const ROLLBACK_TO = fixed('rollback to savepoint unit');

function standbyError(): PylonDbError {
  return new PylonDbError(
    'READ_ONLY',
    'the server is a standby: it has no transactions that may write',
    {},
    { hint: 'Use the primary. Reads outside of a transaction are answered here.' },
  );
}

/** What transactions of one engine have in common. */
interface TransactionProps {
  readonly compiler: StatementCompiler;
  readonly address: string;
  readonly triggers: TriggerWatch;
  /** Throws `NOT_SUPPORTED` when other programs would miss something of the published schema. */
  readonly assertPublished: AssertPublished;
}

/**
 * An open interactive transaction. Its calls run one after another, each that may fail in a
 * savepoint: a caught error leaves nothing of its call, and the transaction goes on. After it ended
 * every call throws `TRANSACTION_ENDED`.
 */
export class PostgresTransaction implements WriteHandle {
  readonly #session: Session;
  readonly #compiler: StatementCompiler;
  readonly #address: string;
  readonly #triggers: TriggerWatch;
  readonly #assertPublished: TransactionProps['assertPublished'];
  #mayHaveChangedSchema = false;
  /** What its calls stored under triggers that may fire at COMMIT. */
  readonly #stored: Answer[] = [];
  /** The latest call; the next waits for it. */
  #latest: Promise<unknown> = Promise.resolve();
  #hasSavepoint = false;
  #end: string | undefined;
  /** Why the server can't commit it any more. */
  #doom: unknown;

  constructor(session: Session, props: TransactionProps) {
    this.#session = session;
    this.#compiler = props.compiler;
    this.#address = props.address;
    this.#triggers = props.triggers;
    this.#assertPublished = props.assertPublished;
  }

  /** Why nothing of it can be committed, when it may be that it can in another try. */
  get conflict(): unknown {
    return isConflict(this.#doom) || isStale(this.#doom) ? this.#doom : undefined;
  }

  /** Throws `READ_ONLY` on a standby, which has no serializable transactions. */
  async begin(): Promise<void> {
    const statements = [BEGIN, ...this.#triggers.due()];
    try {
      this.#triggers.learn(statements, await this.#session.run(statements));
    } catch (error) {
      throw isUnsupported(error) ? standbyError() : error;
    }
  }

  async first<Row>(operation: string, query: Bound<Row>): Promise<Row | undefined> {
    const [row] = await this.all(operation, query);
    return row;
  }

  async all<Row>(operation: string, query: Bound<Row>): Promise<Row[]> {
    return await this.#call(operation, async () => {
      // Without a savepoint, which costs as much as the read: they seldom fail.
      const [result] = await this.#dooming(() =>
        this.#session.run([this.#compiler.statement(query)]),
      );
      return rowsOf(query, result);
    });
  }

  async snapshot<const Queries extends readonly Bound<unknown>[]>(
    operation: string,
    queries: Queries,
  ): Promise<SnapshotRows<Queries>> {
    const rows: unknown[][] = await this.#call(operation, async () => {
      const statements = queries.map((query) => this.#compiler.statement(query));
      const results = await this.#dooming(() => this.#session.run(statements));
      return queries.map((query, i) => rowsOf(query, results[i]));
    });
    return rows as SnapshotRows<Queries>;
  }

  /** Nothing waits for a call inside a transaction but its callback. */
  during<Result>(_: string, call: () => Promise<Result>): Promise<Result> {
    return call();
  }

  look(): undefined {
    return undefined;
  }

  async write<const Steps extends readonly Step[]>(
    operation: string,
    steps: Steps,
  ): Promise<UnitResults<Steps>> {
    const unit = new Unit(steps, this.#compiler, this.#triggers.tables);
    try {
      const results: unknown = await this.#call(operation, () =>
        this.#undoing(() => this.#store(unit)),
      );
      return results as UnitResults<Steps>;
    } catch (error) {
      throw inQuery(unit.failed, error);
    }
  }

  async raw(sql: string, parameters: readonly unknown[]): Promise<RawResult> {
    return await this.#call('tx.kysely', () =>
      this.#undoing(async () => {
        await this.#dooming(() => this.#session.run(this.#nextSavepoint()));
        if (mayChangeSchema(sql)) this.#mayHaveChangedSchema = true;
        return await this.#session.raw(sql, parameters);
      }),
    );
  }

  /**
   * Commits; see {@link commit}. Throws also what a call failed of that left nothing to commit,
   * `SCHEMA_MISMATCH` when a deferred trigger removed what a call stored, and `NOT_SUPPORTED` when
   * other programs would miss something of the published schema.
   */
  async commit(): Promise<void> {
    await this.#latest;
    if (this.#doom !== undefined) throw this.#doom;
    await this.#lastLook();
    if (this.#mayHaveChangedSchema) await this.#assertPublished(this.#session);
    this.#end = 'was committed';
    await commit(this.#session);
  }

  /** Refuses later calls, saying that it `how`, and rolls back what is still open. */
  async end(how: string): Promise<void> {
    if (this.#end !== undefined) return;
    this.#end = how;
    await this.#latest;
    // A connection that can't do it is closed, and the server does.
    await this.#session.run([ROLLBACK]).catch(() => this.#session.spoil());
  }

  async #store(unit: Unit): Promise<unknown> {
    const locks = [...unit.paymentLocks].sort((a, b) => a - b).map(takePaymentLock);
    const savepoint = this.#nextSavepoint();
    const before = [...savepoint, ...locks];
    let results: readonly StatementResult[];
    try {
      results = await this.#session.run([...before, ...unit.statements]);
    } catch (error) {
      if (!(error instanceof BatchFailure) || isConflict(error) || isStale(error)) throw error;
      // There is no savepoint yet, or still the one of the call before.
      if (error.index < savepoint.length) return this.#doomedBy(error);
      throw unit.whyFailed(error.results.slice(before.length), error);
    }
    const answer = unit.inspect(results.slice(before.length));
    if (answer.looks.length === 0) return answer.asItStands([]);
    const stored = answer.asItStands(await this.#session.run(answer.looks));
    if (this.#triggers.mayFireAtCommit) this.#stored.push(answer);
    return stored;
  }

  /** Later calls may have changed what earlier ones stored: so it looks before and after the triggers. */
  async #lastLook(): Promise<void> {
    const looks = this.#stored.flatMap((answer) => answer.looks);
    if (looks.length === 0) return;
    const found = await this.#session.run([...looks, FIRE_DEFERRED, ...looks]);
    const before = found.slice(0, looks.length);
    const after = found.slice(looks.length + 1);
    for (const answer of this.#stored) {
      const { length } = answer.looks;
      answer.assertKept(before.splice(0, length), after.splice(0, length));
    }
  }

  /** Ends the savepoint of the call before, in the same round trip that opens the next. */
  #nextSavepoint(): readonly Statement[] {
    const statements = this.#hasSavepoint ? [RELEASE, SAVEPOINT] : [SAVEPOINT];
    this.#hasSavepoint = true;
    return statements;
  }

  /** Undoes what `run` did after its savepoint when it throws. */
  async #undoing<Result>(run: () => Promise<Result>): Promise<Result> {
    try {
      return await run();
    } catch (error) {
      if (isConflict(error) || isStale(error)) return this.#doomedBy(error);
      if (this.#doom === undefined && !isConnectionLost(error)) {
        await this.#dooming(() => this.#session.run([ROLLBACK_TO]));
      }
      throw error;
    }
  }

  /** Runs what the transaction can't go on without. */
  async #dooming(
    run: () => Promise<readonly StatementResult[]>,
  ): Promise<readonly StatementResult[]> {
    try {
      return await run();
    } catch (error) {
      return this.#doomedBy(error);
    }
  }

  #doomedBy(error: unknown): never {
    // The server knows its statements no more: not the ROLLBACK's either.
    if (isStale(error)) this.#session.forget();
    this.#doom ??= error;
    throw error;
  }

  async #call<Result>(operation: string, run: () => Promise<Result>): Promise<Result> {
    const start = performance.now();
    const before = this.#latest;
    const call = (async () => {
      await before;
      this.#assertOpen(operation);
      return await run();
    })();
    this.#latest = call.catch(() => {});
    try {
      return await call;
    } catch (error) {
      throw toPylonDbError(timedLock(error, start), this.#address, operation);
    }
  }

  #assertOpen(operation: string): void {
    if (this.#end !== undefined) {
      throw endedError(operation, this.#end);
    }
    if (this.#doom !== undefined && !isConnectionLost(this.#doom)) {
      throw new PylonDbError(
        'ABORTED',
        'a call before failed, and the server rolled the transaction back',
        {},
        {
          operation,
          hint: 'Let the first error end the callback: after a conflict it runs again.',
        },
      );
    }
  }
}
