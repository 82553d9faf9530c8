import type { Connection, Submittable } from 'pg';
import type { RawRow } from '../prepared.js';
import { ALWAYS_READ, exactValue, parserOf, type ValueParser, type WireValue } from './values.js';

/** The name of statements that the server keeps for one call only, and plans for its values. */
export const UNNAMED = '';

/** A statement that the server prepares once per connection. */
export interface Statement {
  /** Its name on the server, unique for its SQL; or {@link UNNAMED}. */
  readonly name: string;
  readonly sql: string;
  readonly values: readonly WireValue[];
  /** What a service calls its own query; its values come as text, with {@link StatementResult.columns}. */
  readonly own?: string;
}

/** A column of a service's own query. */
export interface Column {
  readonly name: string;
  /** Gives the value as ad-hoc SQL does. Throws `OUT_OF_RANGE`, naming the column. */
  readonly read: (text: string) => unknown;
}

/** What one statement gave. */
export interface StatementResult {
  readonly rows: readonly RawRow[];
  /** How many rows it gave or changed. */
  readonly affectedRows: number;
  /** What the server says it did: `INSERT 0 1`; of a COMMIT that it refused, `ROLLBACK`. */
  readonly tag: string;
  /** Of a service's own query. */
  readonly columns?: readonly Column[];
}

/** A batch failed, and nothing of it is stored, unless it was {@link sent} without BEGIN and its answer lost. */
export class BatchFailure {
  constructor(
    readonly cause: unknown,
    /** What the statements before the one that failed gave. */
    readonly results: readonly StatementResult[],
    /** Whether the server may have got the batch, and not answered. */
    readonly sent: boolean,
  ) {}

  /** The place of the statement that failed. */
  get index(): number {
    return this.results.length;
  }
}

/** What a connection knows of the columns of a statement. */
interface Described {
  readonly parsers: readonly ValueParser[];
  readonly columns: readonly Column[];
  /** Whether every row of them can be read, as names and types are. */
  readonly isReadable: boolean;
}

const NO_COLUMNS: Described = { parsers: [], columns: [], isReadable: true };

/** Statements that a connection has prepared. */
export type Prepared = Map<string, Described>;

/** The driver's own parser of a type. */
export type DriverParser = (typeOid: number) => (text: string) => unknown;

/**
 * Several statements in one round trip: they are all sent, then one Sync. Without BEGIN the server
 * runs them as one transaction, which the first failing one undoes. (pg's own queries send a Sync
 * each.)
 */
export class Batch implements Submittable {
  readonly done: Promise<readonly StatementResult[]>;
  readonly #statements: readonly Statement[];
  readonly #prepared: Prepared;
  readonly #parserOf: DriverParser;
  readonly #results: StatementResult[] = [];
  #rows: RawRow[] = [];
  #described: Described = NO_COLUMNS;
  #sent = false;
  #resolve: (results: readonly StatementResult[]) => void = () => {};
  #reject: (failure: BatchFailure) => void = () => {};

  constructor(statements: readonly Statement[], prepared: Prepared, parserOf: DriverParser) {
    this.#statements = statements;
    this.#prepared = prepared;
    this.#parserOf = parserOf;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#described = this.#describedAt(0);
  }

  submit(connection: Connection): void {
    this.#sent = true;
    const { stream } = connection;
    const parsed = new Set<string>();
    // One packet instead of one a message.
    stream.cork();
    for (const { name, sql, values, own } of this.#statements) {
      const isNew = !this.#prepared.has(name) && !parsed.has(name);
      if (isNew) {
        // A batch that failed may have left it behind; closing what isn't there is no error.
        connection.close({ type: 'S', name }, true);
        connection.parse({ name, text: sql, types: [] }, true);
        if (name !== UNNAMED) parsed.add(name);
      }
      connection.bind({ portal: '', statement: name, values: [...values] }, true);
      // Of a service's own query each time: behind a pooler, another's answers to its name.
      const isKnown = own === undefined && this.#prepared.has(name);
      if (!isKnown) connection.describe({ type: 'P', name: '' }, true);
      connection.execute({ portal: '', rows: '0' }, true);
    }
    connection.sync();
    stream.uncork();
  }

  handleRowDescription({ fields }: { readonly fields: readonly Field[] }): void {
    this.#described = {
      parsers: fields.map(({ dataTypeID }) => parserOf(dataTypeID)),
      columns: fields.map((field) => this.#columnOf(field)),
      isReadable:
        fields.every(({ dataTypeID }) => ALWAYS_READ.has(dataTypeID)) &&
        new Set(fields.map(({ name }) => name)).size === fields.length,
    };
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    if (this.#isOwn) {
      this.#rows.push(fields);
      return;
    }
    const { parsers } = this.#described;
    this.#rows.push(fields.map((text, i) => (text === null ? null : (parsers[i]?.(text) ?? text))));
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    const done = this.#results.length;
    const name = this.#statements[done]?.name ?? UNNAMED;
    if (name !== UNNAMED) this.#prepared.set(name, this.#described);
    this.#results.push({
      rows: this.#rows,
      affectedRows: affectedRowsOf(text),
      tag: text,
      ...(this.#isOwn ? { columns: this.#described.columns } : {}),
    });
    this.#rows = [];
    this.#described = this.#describedAt(done + 1);
  }

  handleReadyForQuery(): void {
    this.#resolve(this.#results);
  }

  handleError(error: unknown): void {
    this.#reject(new BatchFailure(error, this.#results, this.#sent));
  }

  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}

  /** Whether the statement that runs is a service's own query. */
  get #isOwn(): boolean {
    return this.#statements[this.#results.length]?.own !== undefined;
  }

  /** Reads nothing yet: what can't be read must not end the driver's loop. */
  #columnOf({ name, dataTypeID }: Field): Column {
    return {
      name,
      read: (text) => exactValue(this.#parserOf(dataTypeID)(text), dataTypeID, name),
    };
  }

  #describedAt(index: number): Described {
    return this.#prepared.get(this.#statements[index]?.name ?? UNNAMED) ?? NO_COLUMNS;
  }
}

interface Field {
  readonly name: string;
  readonly dataTypeID: number;
}

/** The count at the end of `INSERT 0 1`, `UPDATE 3`, `SELECT 5`; none in `BEGIN`. */
function affectedRowsOf(commandTag: string): number {
  return Number(/\d+$/.exec(commandTag)?.[0] ?? 0);
}
