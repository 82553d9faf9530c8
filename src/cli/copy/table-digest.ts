import { createHash } from 'node:crypto';

/** Sums of hashes are counted within as many bits as a hash has. */
const MODULUS = 1n << 256n;

/** What is compared of a table on both sides. */
export interface TableSum {
  readonly rows: number;
  /** Hexadecimal. */
  readonly checksum: string;
}

/**
 * Counts rows and adds up their SHA-256, modulo 2^256: the order doesn't matter, so each side is
 * read once, as it lies, and nothing is sorted.
 */
export class TableDigest {
  #rows = 0;
  #sum = 0n;

  add(line: string): void {
    this.#rows += 1;
    this.#sum += BigInt(`0x${createHash('sha256').update(line).digest('hex')}`);
  }

  get rows(): number {
    return this.#rows;
  }

  get result(): TableSum {
    return {
      rows: this.#rows,
      checksum: (this.#sum % MODULUS).toString(16).padStart(64, '0'),
    };
  }
}
