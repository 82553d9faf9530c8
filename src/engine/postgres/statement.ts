import { createHash } from 'node:crypto';
import type { QueryCreator } from 'kysely';
import type { DB } from '../../../generated/db.js';
import { setColumn } from '../kysely-connection.js';
import {
  type Bound,
  ParamSlot,
  type PreparedQuery,
  type RawRow,
  type SqlValue,
  type StepResult,
} from '../prepared.js';
import { assertDistinct, assertExactKey } from '../refusals.js';
import { type Column, type Statement, type StatementResult, UNNAMED } from './batch.js';
import { postgresSyntax } from './dialect.js';
import { toWire, type WireValue } from './values.js';

interface Compiled {
  readonly name: string;
  readonly sql: string;
  readonly slots: readonly (ParamSlot | SqlValue)[];
}

/** Compiles queries once, and gives each the name by which servers keep it prepared. */
export class StatementCompiler {
  readonly #builder: QueryCreator<DB>;
  readonly #compiled = new WeakMap<PreparedQuery<unknown>, Compiled>();

  constructor(builder: QueryCreator<DB>) {
    this.#builder = builder;
  }

  /** The query with the values of one call, as it is sent. */
  statement({ prepared, values }: Bound<unknown>): Statement {
    const { name, sql, slots } = this.#compile(prepared);
    const bind = (slot: ParamSlot | SqlValue): WireValue =>
      toWire(slot instanceof ParamSlot ? (values[slot.name] ?? null) : slot);
    const statement = { name, sql, values: slots.map(bind) };
    return prepared.byName === undefined ? statement : { ...statement, own: prepared.name };
  }

  #compile(query: PreparedQuery<unknown>): Compiled {
    let compiled = this.#compiled.get(query);
    if (compiled === undefined) {
      const { sql, slots } = query.compile(this.#builder, postgresSyntax);
      const { generatedKey } = query;
      // SQLite reports a generated key without being asked.
      const text = generatedKey === undefined ? sql : `${sql} returning "${generatedKey}"`;
      const name = query.plannedEachTime === true ? UNNAMED : nameOf(text);
      compiled = { name, sql: text, slots };
      this.#compiled.set(query, compiled);
    }
    return compiled;
  }
}

/**
 * The same name for the same SQL in every process: behind a pooler that knows nothing of prepared
 * statements, another process's statement may answer to it. The server cuts names at 63 bytes.
 */
function nameOf(sql: string): string {
  return `pylon_db ${createHash('sha256').update(sql).digest('base64')}`;
}

/** A statement without parameters, such as BEGIN. */
export function fixed(sql: string): Statement {
  return { name: nameOf(sql), sql, values: [] };
}

/** What a step of a unit gives its service. Throws `CORRUPT_ROW` or `OUT_OF_RANGE`. */
export function stepResult(query: Bound<unknown>, result: StatementResult): StepResult<unknown> {
  const { prepared } = query;
  const { rows, affectedRows } = result;
  if (prepared.byName?.givesRows === false) {
    const counted = prepared.byName.counted(BigInt(affectedRows), undefined);
    return { rows: [prepared.decode([counted])], affectedRows, insertId: 0 };
  }
  if (!prepared.returnsRows) {
    const insertId = Number(rows[0]?.[0] ?? 0);
    assertExactKey(prepared, insertId);
    return { rows: [], affectedRows, insertId };
  }
  return { rows: rowsOf(query, result), affectedRows, insertId: 0 };
}

/**
 * The rows that a query gave. Throws `CORRUPT_ROW` or `OUT_OF_RANGE`, and `INVALID_ARGUMENT` for two
 * columns of one name.
 */
export function rowsOf<Row>(
  { prepared }: Bound<Row>,
  { rows, columns }: StatementResult = NOTHING,
): Row[] {
  if (columns === undefined) return rows.map(prepared.decode);
  assertDistinct(columns.map(({ name }) => name));
  return rows.map((row) => prepared.decode([namedRow(columns, row)]));
}

const NOTHING: StatementResult = { rows: [], affectedRows: 0, tag: '' };

function namedRow(columns: readonly Column[], row: RawRow): Record<string, unknown> {
  const named: Record<string, unknown> = {};
  for (const [i, { name, read }] of columns.entries()) {
    const text = row[i];
    setColumn(named, name, typeof text === 'string' ? read(text) : null);
  }
  return named;
}
