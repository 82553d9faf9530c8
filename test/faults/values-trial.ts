import Database from 'better-sqlite3';
import { expect, onTestFinished } from 'vitest';
import { isPylonDbError, type PylonDb } from '../../src/index.js';
import { type TestFile, testFile } from '../file.js';
import {
  BASE_SQL,
  type Input,
  type Services,
  type StoredRow,
  type StoredRows,
  type WritingCall,
} from './values-calls.js';
import { accepts, NOW } from './values-kinds.js';

/** How a call reaches the file: by itself, in one batch with another, in a transaction. */
export type Way = (typeof WAYS)[number];
export const WAYS = ['alone', 'in a batch', 'in a transaction'] as const;

/** What a call may do to the rows that stand: exactly what it says, or nothing. */
export class Trial {
  readonly #db: PylonDb;
  readonly #outside: Database.Database;
  readonly #reads: readonly (readonly [keyof StoredRows, Database.Statement<[], StoredRow>])[];
  #base: StoredRows;
  #isDirty = false;
  /** Calls that stored something, and calls that were refused. */
  readonly counts = { stored: 0, refused: 0 };

  private constructor({ db, path }: TestFile) {
    this.#db = db;
    this.#outside = new Database(path, { timeout: 10_000 });
    this.#outside.pragma('foreign_keys = off');
    this.#outside.pragma('synchronous = off');
    this.#reads = (['jobs', 'earnings', 'agents', 'tick_history'] as const).map(
      (table) =>
        [
          table,
          // Bigints, so that a real shows as what it is.
          this.#outside.prepare<[], StoredRow>(`select * from ${table} order by 1`).safeIntegers(),
        ] as const,
    );
    this.#outside.exec(BASE_SQL);
    this.#base = this.#read();
  }

  static async start(): Promise<Trial> {
    const trial = new Trial(await testFile({ clock: () => NOW }));
    onTestFinished(() => void trial.#outside.close());
    return trial;
  }

  /** Makes the call with `changed` in place of its valid input, and compares every stored row. */
  async run(call: WritingCall, changed: Input, way: Way, label: string): Promise<void> {
    if (this.#isDirty) this.#outside.exec(BASE_SQL);
    const input = { ...call.valid, ...changed };
    const refused = Object.keys(changed).filter((field) => !isTaken(call, field, changed[field]));
    const expected: StoredRows = structuredClone(this.#base);
    const code = refused.length === 0 ? call.expect(expected, input) : 'INVALID_ARGUMENT';

    const error = await this.#make(call, input, way).catch((reason: unknown) => reason);
    const rows = this.#read();
    this.#isDirty = JSON.stringify(rows, withBigints) !== JSON.stringify(this.#base, withBigints);
    if (code === undefined) {
      if (error instanceof Error) throw new Error(`${label} threw ${error}`, { cause: error });
      expect(comparable(rows), label).toEqual(comparable(expected));
      this.counts.stored += 1;
      return;
    }
    if (!isPylonDbError(error, code)) {
      throw new Error(`${label} should throw ${code}`, { cause: error });
    }
    if (isPylonDbError(error, 'INVALID_ARGUMENT')) {
      expect(refused, label).toContain(error.field);
      expect(error.message, label).toContain(error.field);
    }
    expect(rows, label).toEqual(this.#base);
    this.counts.refused += 1;
  }

  async #make(call: WritingCall, input: Input, way: Way): Promise<unknown> {
    if (way === 'in a transaction') {
      return await this.#db.transaction(async (tx) => await call.run(tx, input));
    }
    const services: Services = this.#db;
    if (way === 'alone') return await call.run(services, input);
    // A unit that changes nothing.
    const [result] = await Promise.all([
      call.run(services, input),
      services.agents.delete('nobody'),
    ]);
    return result;
  }

  #read(): StoredRows {
    const rows: StoredRows = { jobs: [], earnings: [], agents: [], tick_history: [] };
    for (const [table, statement] of this.#reads) rows[table] = statement.all();
    return rows;
  }
}

function isTaken({ fields, required }: WritingCall, field: string, value: unknown): boolean {
  const kind = fields[field];
  if (kind === undefined) throw new RangeError(field);
  return value === undefined ? !required.includes(field) : accepts(kind, value);
}

/** Rows in one order, without what is random in them: ids that the calls make themselves. */
function comparable(rows: StoredRows): Record<string, StoredRow[]> {
  const isMade = (row: StoredRow) =>
    /^earn-[0-9a-f-]{36}$/.test(String(row['id'])) ||
    (typeof row['id'] === 'bigint' && row['id'] > 2n);
  return Object.fromEntries(
    Object.entries(rows).map(([table, list]) => {
      const named = list.map((row) => (isMade(row) ? { ...row, id: 'new' } : row));
      return [table, named.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))];
    }),
  );
}

const keyOf = (row: StoredRow): string => String(row['id'] ?? row['npub']);
const withBigints = (_: string, value: unknown) =>
  typeof value === 'bigint' ? `${value}n` : value;

/** A value in words, for the label of a failure. */
export function inWords(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80));
  if (typeof value === 'object' && value !== null) return Object.prototype.toString.call(value);
  return Object.is(value, -0) ? '-0' : `${typeof value} ${String(value)}`;
}
