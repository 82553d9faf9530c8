import type { Connection, Submittable } from 'pg';

// The two messages of the protocol that the driver's types lack.
const COPY_DATA = 'd'.charCodeAt(0);
const COPY_DONE = Buffer.from([0x63, 0, 0, 0, 4]);

/** The byte that says what a message is, and the length behind it. */
const HEADER_BYTES = 5;

/** One `COPY … FROM STDIN` of PostgreSQL's text format. One call at a time. */
export class CopyIn implements Submittable {
  readonly #sql: string;
  #connection: Connection | undefined;
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => {};

  constructor(sql: string) {
    this.#sql = sql;
  }

  /** Sends whole lines; resolves when there is room for more. Throws what the server says. */
  async write(lines: string): Promise<void> {
    const { stream } = await this.#ready();
    if (stream.write(copyData(lines))) return;
    await this.#until((wake) => stream.once('drain', wake));
    stream.off('drain', this.#wake);
  }

  /** Resolves when all lines are in the table. Throws what the server says of one of them. */
  async end(): Promise<void> {
    const { stream } = await this.#ready();
    stream.write(COPY_DONE);
    while (!this.#isOver) await this.#until(() => {});
  }

  submit(connection: Connection): void {
    connection.query(this.#sql);
  }

  handleCopyInResponse(connection: Connection): void {
    this.#connection = connection;
    this.#wake();
  }

  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    this.#isOver = true;
    this.#wake();
  }

  handleError(error: unknown): void {
    this.#failure = { error };
    this.#wake();
  }

  async #ready(): Promise<Connection> {
    if (this.#failure !== undefined) throw this.#failure.error;
    while (this.#connection === undefined) await this.#until(() => {});
    return this.#connection;
  }

  /** Waits for `event`, or for what the server says. */
  async #until(event: (wake: () => void) => void): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      event(resolve);
    });
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

function copyData(lines: string): Buffer {
  const length = Buffer.byteLength(lines);
  const message = Buffer.allocUnsafe(HEADER_BYTES + length);
  message[0] = COPY_DATA;
  // It counts itself, and not the byte before it.
  message.writeUInt32BE(length + 4, 1);
  message.write(lines, HEADER_BYTES);
  return message;
}
