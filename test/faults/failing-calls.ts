import { openSync, readSync, writeFileSync, writeSync } from 'node:fs';

// Steers the preload failing-calls.c, which makes system calls of processes fail.

const CALLS = { write: 1, sync: 2, truncate: 3, open: 4, rename: 5, map: 6, read: 7, unlink: 8 };

const ERRORS = { EIO: 5, ENOMEM: 12, EACCES: 13, EMFILE: 24, ENOSPC: 28, EDQUOT: 122 };

/** Which system calls fail. */
export interface Fault {
  readonly call: keyof typeof CALLS;
  readonly error: keyof typeof ERRORS;
  /** What the file's path contains. */
  readonly file: string;
  /** The first that fails, from 1; else the next one. */
  readonly nth?: number;
  /** How many fail; else all. */
  readonly times?: number;
  /** Whether a write stores half of its bytes before it fails. */
  readonly half?: boolean;
}

// As `struct control` has them.
const CONTROL_BYTES = 256;
const COUNTDOWN_AT = 4;
const FAILED_AT = 20;
const FILE_AT = 24;

/** A control file for new processes: no call fails yet. */
export function createControl(path: string): void {
  writeFileSync(path, Buffer.alloc(CONTROL_BYTES));
}

/** Begins and ends faults in all processes that were started with the control file. */
export class FailingCalls {
  readonly #fd: number;

  constructor(control: string) {
    this.#fd = openSync(control, 'r+');
  }

  begin({ call, error, file, nth = 1, times = -1, half = false }: Fault): void {
    const control = Buffer.alloc(CONTROL_BYTES);
    control.writeInt32LE(nth, COUNTDOWN_AT);
    control.writeInt32LE(times, 8);
    control.writeInt32LE(ERRORS[error], 12);
    control.writeInt32LE(half ? 1 : 0, 16);
    control.write(file, FILE_AT);
    writeSync(this.#fd, control, 0, CONTROL_BYTES, 0);
    // The call itself last: a fault begins whole.
    this.#choose(CALLS[call]);
  }

  /** Ends the fault, and says how many calls failed. */
  end(): number {
    this.#choose(0);
    return this.#read(FAILED_AT);
  }

  /** How many calls passed before the first that was to fail, of `nth`. */
  passed(nth: number): number {
    return nth - this.#read(COUNTDOWN_AT);
  }

  #read(at: number): number {
    const control = Buffer.alloc(CONTROL_BYTES);
    readSync(this.#fd, control, 0, CONTROL_BYTES, 0);
    return control.readInt32LE(at);
  }

  #choose(call: number): void {
    const chosen = Buffer.alloc(4);
    chosen.writeInt32LE(call);
    writeSync(this.#fd, chosen, 0, chosen.length, 0);
  }
}
