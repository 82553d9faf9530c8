import type Database from 'better-sqlite3';
import {
  type CompiledPrepared,
  ParamSlot,
  type RawRow,
  type SqlValue,
  type StepResult,
} from '../prepared.js';

/** What the names of our own tables begin with: triggers keep them, as long as nobody drops those. */
export const OURS = 'pylon_db_';

/** What every statement without RETURNING gives back. */
const NO_ROWS: readonly never[] = Object.freeze([]);

/** A compiled query on one connection. Its argument array is reused: calls are synchronous. */
export class PreparedStatement {
  readonly sql: string;
  /** What a service calls its own query. */
  readonly operation: string = '';
  /** Whether its answer doesn't depend on who changed the schema: it reads none of our own tables. */
  readonly isPlain: boolean;
  readonly #returnsRows: boolean;
  readonly #statement: Database.Statement<SqlValue[], RawRow>;
  readonly #args: SqlValue[];
  /** The names of parameters, and where in the arguments each stands; constants stand already. */
  readonly #names: readonly string[];
  readonly #positions: readonly number[];

  constructor(
    statement: Database.Statement<SqlValue[], RawRow>,
    { sql, slots }: CompiledPrepared,
    isPlain = !sql.includes(OURS),
  ) {
    this.sql = sql;
    this.isPlain = isPlain;
    const params = [...slots.entries()].filter(([, slot]) => slot instanceof ParamSlot);
    this.#args = slots.map((slot) => (slot instanceof ParamSlot ? null : slot));
    this.#names = params.map(([, slot]) => (slot instanceof ParamSlot ? slot.name : ''));
    this.#positions = params.map(([position]) => position);
    this.#statement = statement;
    this.#returnsRows = this.#statement.reader;
    if (this.#returnsRows) this.#statement.raw();
  }

  // Spread: the driver reads arguments faster than the items of an array (8 of them: a tenth).
  get(values: Readonly<Record<string, SqlValue>>): RawRow | undefined {
    return this.#statement.get(...this.#bind(values));
  }
  all(values: Readonly<Record<string, SqlValue>>): RawRow[] {
    return this.#statement.all(...this.#bind(values));
  }
  write(values: Readonly<Record<string, SqlValue>>): StepResult<RawRow> {
    if (this.#returnsRows) {
      const rows = this.all(values);
      return { rows, affectedRows: rows.length, insertId: 0 };
    }
    const { changes, lastInsertRowid } = this.run(values);
    return { rows: NO_ROWS, affectedRows: changes, insertId: Number(lastInsertRowid) };
  }

  protected run(values: Readonly<Record<string, SqlValue>>): Database.RunResult {
    const { stackTraceLimit } = Error;
    // The driver's errors would take two stacks, of the queue's own frames: half of a refusal's cost.
    Error.stackTraceLimit = 0;
    try {
      return this.#statement.run(...this.#bind(values));
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  }

  #bind(values: Readonly<Record<string, SqlValue>>): SqlValue[] {
    for (let i = 0; i < this.#names.length; i++) {
      this.#args[this.#positions[i] ?? 0] = values[this.#names[i] ?? ''] ?? null;
    }
    return this.#args;
  }
}
