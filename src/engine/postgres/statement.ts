import { createHash } from 'node:crypto';
import type { QueryCreator } from 'kysely';
import type { DB } from '../../../generated/db.js';
import {
  type Bound,
  ParamSlot,
  type PreparedQuery,
  type SqlValue,
  type StepResult,
} from '../prepared.js';
import { assertExactKey } from '../refusals.js';
import { type Statement, type StatementResult, UNNAMED } from './batch.js';
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
  readonly #compiled = new Map<PreparedQuery<unknown>, Compiled>();

  constructor(builder: QueryCreator<DB>) {
    this.#builder = builder;
  }

  /** The query with the values of one call, as it is sent. */
  statement({ prepared, values }: Bound<unknown>): Statement {
    const { name, sql, slots } = this.#compile(prepared);
    const bind = (slot: ParamSlot | SqlValue): WireValue =>
      toWire(slot instanceof ParamSlot ? (values[slot.name] ?? null) : slot);
    return { name, sql, values: slots.map(bind) };
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
export function stepResult(
  { prepared }: Bound<unknown>,
  { rows, affectedRows }: StatementResult,
): StepResult<unknown> {
  if (!prepared.returnsRows) {
    const insertId = Number(rows[0]?.[0] ?? 0);
    assertExactKey(prepared, insertId);
    return { rows: [], affectedRows, insertId };
  }
  return { rows: rows.map(prepared.decode), affectedRows, insertId: 0 };
}
