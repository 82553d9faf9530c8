import { setTimeout as sleep } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import { CompiledQuery } from 'kysely';
import type { DB } from '../../generated/db.js';
import { isStepWithoutRows, type WriteHandle } from '../../src/engine/engine.js';
import { type Bound, ParamSlot } from '../../src/engine/prepared.js';
import type { SqliteEngine } from '../../src/engine/sqlite/sqlite-engine.js';
import { isPylonDbError, type PylonDb } from '../../src/index.js';
import {
  type FuzzTables,
  type Inner,
  type Operation,
  returnsRows,
  type Statement,
  type TransactionOperation,
} from './operations.js';
import { asOutcome, decode, type Outcome, rowsAndChanges, Thrown, Undecodable } from './outcome.js';

/** Performs operations through the engine's queue, many at a time. */
export class ThroughTheQueue {
  readonly #engine: SqliteEngine;
  readonly #db: PylonDb;

  constructor(engine: SqliteEngine, db: PylonDb) {
    this.#engine = engine;
    this.#db = db;
  }

  /** Takes its place in the queue before it returns, or, through the builder, some microtasks later. */
  async perform(operation: Exclude<Operation, { kind: 'read' }>): Promise<Outcome> {
    switch (operation.kind) {
      case 'service':
        return await asOutcome(operation.call(this.#db), describe);
      case 'transaction':
        return await asOutcome(this.#transaction(operation), describe);
      default:
        return await asOutcome(run(operation, this.#engine, this.#engine.kysely), describe);
    }
  }

  #transaction({ inner, throws }: TransactionOperation): Promise<unknown> {
    return this.#engine.transaction('test', {}, async ({ handle, kysely }) => {
      const outcomes: Outcome[] = [];
      for (const { op, caught, pause } of inner) {
        if (pause) await this.#expectOuterHandleRefused();
        const running = run(op, handle, kysely);
        outcomes.push(caught ? await asOutcome(running, describe) : { resolved: await running });
      }
      if (throws) throw new Thrown();
      return outcomes;
    });
  }

  /** A call on `db` inside the callback would wait for the transaction that waits for it. */
  async #expectOuterHandleRefused(): Promise<void> {
    const call = asOutcome(this.#db.agents.updateBalance('npub0', 0), describe);
    // Without its check it waits for ever.
    const outcome = await call;
    await sleep(0);
    if ('rejected' in outcome && outcome.rejected.startsWith('OUTER_HANDLE_IN_TRANSACTION')) return;
    throw new Error('The outer handle was not refused inside a transaction');
  }
}

async function run(op: Inner, handle: WriteHandle, kysely: Kysely<DB>): Promise<unknown> {
  const db = kysely.withTables<FuzzTables>();
  switch (op.kind) {
    case 'unit': {
      const steps = op.statements.map((one) => ({ query: bound(one), required: one.required }));
      const results = await handle.write('test', steps);
      return results.map(({ rows, affectedRows }) => ({ rows, affectedRows }));
    }
    case 'builder':
      return rowsAndChanges(await db.executeQuery(op.query(db).compile()));
    case 'raw':
      return rowsAndChanges(await db.executeQuery(CompiledQuery.raw(op.sql, [...op.values])));
  }
}

const prepared = new Map<string, Bound<unknown>['prepared']>();

function bound({ sql: text, values }: Statement): Bound<unknown> {
  let query = prepared.get(text);
  if (query === undefined) {
    const slots = values.map((_, i) => new ParamSlot(`p${i}`));
    query = {
      name: text,
      compile: () => ({ sql: text, slots }),
      returnsRows: returnsRows(text),
      mayGiveCorruptRow: returnsRows(text),
      decode,
    };
    prepared.set(text, query);
  }
  return {
    prepared: query,
    values: Object.fromEntries(values.map((value, i) => [`p${i}`, value])),
  };
}

/** The error in words that the serial side finds too. */
function describe(error: unknown): string {
  if (error instanceof Thrown) return 'thrown by the callback';
  if (error instanceof Undecodable) return 'a row could not be decoded';
  if (isStepWithoutRows(error)) return 'a required statement touched nothing';
  if (isPylonDbError(error, 'ABORTED')) return 'aborted before';
  if (!isPylonDbError(error)) return `unexpected ${String(error)}`;
  const { cause } = error;
  const isDrivers = error.operation === 'test' || error.operation.endsWith('kysely');
  return isDrivers && cause instanceof Error && 'code' in cause
    ? `${String(cause.code)}: ${cause.message}`
    : `${error.code}: ${error.message}`;
}
