import { BatchFailure, type Statement, type StatementResult } from './batch.js';
import { BEGIN, commit, FIRE_DEFERRED, ROLLBACK } from './commit.js';
import { CommitUnknown, isConflict, isConnectionLost, isStale } from './failures.js';
import { takePaymentLock } from './payment-lock.js';
import type { RawWrite } from './raw-write.js';
import type { Session } from './session.js';
import type { TriggerWatch } from './trigger-watch.js';
import { type Answer, Unit } from './unit.js';

/** A call that waits for what it gives. */
export interface Queued {
  readonly work: Unit | RawWrite;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** Whether it may share no transaction. */
  alone: boolean;
}

interface Slot {
  readonly entry: Queued;
  readonly unit: Unit;
  /** Where its statements begin in the batch. */
  readonly start: number;
}

/** A batch as it is sent: its locks, then its units in the order in which all processes lock. */
export class BatchPlan {
  readonly #statements: Statement[] = [];
  /** The payment locks, by their place among the statements. */
  readonly #locks = new Map<number, number>();
  readonly #slots: Slot[] = [];
  /** Whether results decide about the commit, which is then a round trip of its own. */
  readonly #inspected: boolean;

  constructor(session: Session, batch: readonly Queued[], looks: readonly Statement[]) {
    const units = batch.flatMap((entry) =>
      entry.work instanceof Unit ? [{ entry, unit: entry.work }] : [],
    );
    const canRead = (statement: Statement) => session.canRead(statement);
    this.#inspected = units.some(({ unit }) => unit.mustBeInspected(canRead));
    if (this.#inspected) this.#statements.push(BEGIN);
    this.#statements.push(...looks);
    const locks = new Set(units.flatMap(({ unit }) => unit.paymentLocks));
    for (const lock of [...locks].sort((a, b) => a - b)) {
      this.#locks.set(this.#statements.length, lock);
      this.#statements.push(takePaymentLock(lock));
    }
    for (const { entry, unit } of units.sort(byOrderKey)) {
      this.#slots.push({ entry, unit, start: this.#statements.length });
      this.#statements.push(...unit.statements);
    }
  }

  /** Stores all, or gives the unit because of which nothing is stored. */
  async run(session: Session, triggers: TriggerWatch): Promise<UnitFailure | undefined> {
    let results: readonly StatementResult[];
    try {
      results = await session.run(this.#statements);
      triggers.learn(this.#statements, results);
    } catch (failure) {
      return await this.#failed(session, failure);
    }
    if (!this.#inspected) {
      this.#settleStored(results);
      return undefined;
    }
    const settled: unknown[] = [];
    try {
      const answers = this.#slots.map((place) =>
        ofUnit(place, () => place.unit.inspect(results.slice(place.start))),
      );
      const found = await look(session, results, answers);
      for (const [i, place] of this.#slots.entries()) {
        settled.push(ofUnit(place, () => answers[i]?.asItStands(found[i] ?? [])));
      }
    } catch (failure) {
      if (!(failure instanceof UnitFailure)) return await this.#failed(session, failure);
      await session.run([ROLLBACK]);
      return failure;
    }
    const refused = await this.#commit(session);
    if (refused !== undefined) return refused;
    for (const [i, { entry }] of this.#slots.entries()) entry.resolve(settled[i]);
    return undefined;
  }

  /** Answers for what is stored already. */
  #settleStored(results: readonly StatementResult[]): void {
    for (const { entry, unit, start } of this.#slots) {
      try {
        entry.resolve(unit.inspect(results.slice(start)).asItStands([]));
      } catch (error) {
        // A statement that touched nothing, or gave what can't be read.
        entry.reject(error);
      }
    }
  }

  async #failed(session: Session, failure: unknown): Promise<UnitFailure> {
    if (!(failure instanceof BatchFailure)) throw failure;
    if (isConnectionLost(failure.cause)) {
      // Without BEGIN the server commits at the end of the batch.
      throw failure.sent && !this.#inspected ? new CommitUnknown(failure.cause) : failure;
    }
    if (isStale(failure)) session.forget();
    if (this.#inspected) await session.run([ROLLBACK]);
    if (isConflict(failure) || isStale(failure)) throw failure;
    return this.#blame(failure.index, failure);
  }

  async #commit(session: Session): Promise<UnitFailure | undefined> {
    try {
      await commit(session);
      return undefined;
    } catch (failure) {
      if (!(failure instanceof BatchFailure)) throw failure;
      if (isConflict(failure) || isConnectionLost(failure)) throw failure;
      // A deferred constraint doesn't say whose it is: without the last unit, it shows.
      return this.#blame(this.#statements.length, failure);
    }
  }

  /** The unit that the statement at `index` is for; the last for the commit itself. */
  #blame(index: number, error: BatchFailure): UnitFailure {
    const lock = this.#locks.get(index);
    const place =
      lock === undefined
        ? this.#slots.findLast(({ start }) => start <= index)
        : this.#slots.find(({ unit }) => unit.paymentLocks.includes(lock));
    // BEGIN failed: that is nobody's doing.
    if (place === undefined) throw error;
    const { entry, unit, start } = place;
    return new UnitFailure(entry, unit.whyFailed(error.results.slice(start), error));
  }
}

/** The unit because of which nothing of a batch is stored. */
export class UnitFailure {
  constructor(
    readonly entry: Queued,
    readonly error: unknown,
  ) {}
}

/** Throws {@link UnitFailure} when `run` throws. */
function ofUnit<Result>({ entry }: Slot, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    throw new UnitFailure(entry, error);
  }
}

/** What the questions of each answer give, in one round trip; without questions, in none. */
async function look(
  session: Session,
  results: readonly StatementResult[],
  answers: readonly Answer[],
): Promise<readonly (readonly StatementResult[])[]> {
  const looks = answers.flatMap((answer) => answer.looks);
  if (looks.length === 0) return [];
  try {
    const [, ...found] = await session.run([FIRE_DEFERRED, ...looks]);
    return answers.map((answer) => found.splice(0, answer.looks.length));
  } catch (failure) {
    if (!(failure instanceof BatchFailure)) throw failure;
    // All statements ran. Whose look failed shows once the last unit is left out.
    throw new BatchFailure(failure.cause, results, failure.sent);
  }
}

/** By key, and units without one last: they wait for no row, but may hold some. */
function byOrderKey({ unit: a }: { unit: Unit }, { unit: b }: { unit: Unit }): number {
  if (a.orderKey === b.orderKey) return 0;
  if (a.orderKey === '') return 1;
  if (b.orderKey === '') return -1;
  return a.orderKey < b.orderKey ? -1 : 1;
}
