import type Database from 'better-sqlite3';
import { setColumn } from '../kysely-connection.js';
import type { CompiledPrepared, RawRow, RowsByName, SqlValue, StepResult } from '../prepared.js';
import { assertDistinct } from '../refusals.js';
import { OURS, PreparedStatement } from './prepared-statement.js';
import { toSafeNumber } from './raw-statement.js';
import type { SchemaState } from './schema-state.js';
import type { SchemaWatch } from './schema-watch.js';

type Values = Readonly<Record<string, SqlValue>>;

/**
 * A service's own query on one connection. Its raw rows hold one value: the row as an object, by the
 * names that SQLite gives its columns. Throws `OUT_OF_RANGE` for an integer that a JavaScript number
 * can't hold, and `INVALID_ARGUMENT` for two columns of one name.
 */
export class NamedStatement extends PreparedStatement {
  override readonly operation: string;
  readonly #statement: Database.Statement<SqlValue[], RawRow>;
  readonly #byName: RowsByName;
  readonly #schema: SchemaWatch | undefined;
  /** Whether a foreign ALTER changes its columns: their names then hold for one state of the schema. */
  readonly #selectsAll: boolean;
  /** Whether integers come as bigints. A read is asked again where it needs them: they are slower. */
  readonly #isExact: boolean;
  #names: readonly string[];
  #namedIn: SchemaState | undefined;

  constructor(
    statement: Database.Statement<SqlValue[], RawRow>,
    compiled: CompiledPrepared,
    { name, byName }: { readonly name: string; readonly byName: RowsByName },
    schema: SchemaWatch | undefined,
  ) {
    const selectsAll = SELECTS_ALL.test(compiled.sql);
    super(statement, compiled, !selectsAll && !compiled.sql.includes(OURS));
    this.operation = name;
    this.#statement = statement;
    this.#byName = byName;
    this.#schema = schema;
    this.#selectsAll = selectsAll;
    this.#names = namesOf(statement);
    // What a write gave, it gives once.
    this.#isExact = !statement.readonly;
    if (this.#isExact) statement.safeIntegers();
  }

  override get(values: Values): RawRow | undefined {
    const row = super.get(values);
    if (row === undefined) return undefined;
    return this.#named(row, this.#isExact) ?? this.#exactly(values)[0];
  }

  override all(values: Values): RawRow[] {
    const rows: RawRow[] = [];
    for (const row of super.all(values)) {
      const named = this.#named(row, this.#isExact);
      if (named === undefined) return this.#exactly(values);
      rows.push(named);
    }
    return rows;
  }

  override write(values: Values): StepResult<RawRow> {
    if (this.#byName.givesRows) return super.write(values);
    // Raw SQL at its end may return rows, of which its type knows nothing.
    if (this.#statement.reader) return this.#counted(super.all(values).length, undefined);
    const { changes, lastInsertRowid } = this.run(values);
    return this.#counted(changes, BigInt(lastInsertRowid));
  }

  #counted(affectedRows: number, insertId: bigint | undefined): StepResult<RawRow> {
    const row = this.#byName.counted(BigInt(affectedRows), insertId);
    return { rows: [[row]], affectedRows, insertId: 0 };
  }

  /** Asks once more for integers as bigints. */
  #exactly(values: Values): RawRow[] {
    this.#statement.safeIntegers(true);
    try {
      return super.all(values).flatMap((row) => [this.#named(row, true) ?? row]);
    } finally {
      this.#statement.safeIntegers(false);
    }
  }

  /** The row as an object; `undefined` where a number may be an integer that the driver rounded. */
  #named(row: RawRow, isExact: boolean): RawRow | undefined {
    const names = this.#columns();
    const named: Record<string, unknown> = {};
    for (let i = 0; i < names.length; i++) {
      const name = names[i] ?? '';
      const value = row[i];
      if (typeof value === 'bigint') setColumn(named, name, toSafeNumber(value, name));
      else if (isExact || typeof value !== 'number' || isSafe(value)) setColumn(named, name, value);
      else return undefined;
    }
    return [named];
  }

  /** The names of what was read just now. */
  #columns(): readonly string[] {
    if (!this.#selectsAll) return this.#names;
    const state = this.#schema?.state;
    if (state === undefined || state !== this.#namedIn) {
      this.#names = namesOf(this.#statement);
      this.#namedIn = state;
    }
    return this.#names;
  }
}

/** A star that stands for columns, and not in `count(*)`; multiplying is taken for one. */
const SELECTS_ALL = /(?<!\()\*|\*(?!\))/;

function isSafe(value: number): boolean {
  return value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER;
}

function namesOf(statement: Database.Statement<SqlValue[], RawRow>): readonly string[] {
  if (!statement.reader) return [];
  const names = statement.columns().map(({ name }) => name);
  assertDistinct(names);
  return names;
}
