import type { Connection, Submittable } from 'pg';
import type { WireValue } from './values.js';

/** A row as the server writes its values. */
export type TextRow = readonly (string | null)[];

/** What is known of a column of a result. */
export interface StreamedColumn {
  readonly name: string;
  readonly typeOid: number;
}

/** Bytes that wait for their reader before the socket is left alone: a few of its own chunks. */
const WAITING_BYTES = 256 * 1024;

/**
 * The rows of one statement as they come, in lists. A slow reader lets the server wait, so memory
 * holds no more than a few chunks of the socket and the largest row. Read it to its end, or close
 * the connection.
 */
export class RowStream implements Submittable, AsyncIterable<readonly TextRow[]> {
  /** Resolves before the first row. Rejects when the statement fails. */
  readonly columns: Promise<readonly StreamedColumn[]>;
  readonly #sql: string;
  readonly #values: readonly WireValue[];
  #tellColumns: (columns: readonly StreamedColumn[]) => void = () => {};
  #refuseColumns: (error: unknown) => void = () => {};
  #rows: TextRow[] = [];
  #bytes = 0;
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => {};
  #connection: Connection | undefined;

  constructor(sql: string, values: readonly WireValue[] = []) {
    this.#sql = sql;
    this.#values = values;
    this.columns = new Promise((resolve, reject) => {
      this.#tellColumns = resolve;
      this.#refuseColumns = reject;
    });
    // Not every reader asks for them.
    this.columns.catch(() => {});
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly TextRow[]> {
    for (;;) {
      if (this.#rows.length > 0) yield this.#take();
      else if (this.#failure !== undefined) throw this.#failure.error;
      else if (this.#isOver) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }

  submit(connection: Connection): void {
    this.#connection = connection;
    connection.stream.cork();
    connection.parse({ name: '', text: this.#sql, types: [] }, true);
    connection.bind({ portal: '', statement: '', values: [...this.#values] }, true);
    connection.describe({ type: 'P', name: '' }, true);
    connection.execute({ portal: '', rows: '0' }, true);
    connection.sync();
    connection.stream.uncork();
  }

  handleRowDescription({
    fields,
  }: {
    readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
  }): void {
    this.#tellColumns(fields.map(({ name, dataTypeID }) => ({ name, typeOid: dataTypeID })));
  }

  handleDataRow({ fields, length }: { readonly fields: TextRow; readonly length: number }): void {
    this.#rows.push(fields);
    this.#bytes += length;
    if (this.#bytes > WAITING_BYTES) this.#connection?.stream.pause();
    this.#wake();
  }

  handleCommandComplete(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}

  handleReadyForQuery(): void {
    this.#isOver = true;
    this.#wake();
  }

  handleError(error: unknown): void {
    this.#failure = { error };
    this.#refuseColumns(error);
    this.#wake();
  }

  #take(): readonly TextRow[] {
    const rows = this.#rows;
    this.#rows = [];
    this.#bytes = 0;
    this.#connection?.stream.resume();
    return rows;
  }
}
