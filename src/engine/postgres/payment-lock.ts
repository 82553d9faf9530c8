import type { Statement } from './batch.js';

/**
 * Rows of `pylon_db_locks`: two payments share one by chance, and then wait for each other. Migration
 * 002 makes as many.
 */
export const PAYMENT_LOCKS = 1024;

/** The lock row of a payment's hash: FNV-1a, the same in every process. */
export function paymentLock(paymentHash: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(paymentHash)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash % PAYMENT_LOCKS;
}

/**
 * Takes a lock row until the transaction ends. Whoever waited for it sees what was stored under it;
 * a serializable transaction that began before gets 40001 instead and is run again. An advisory lock
 * would let that one go on with what it saw before (and CockroachDB has none).
 */
export function takePaymentLock(lock: number): Statement {
  return {
    name: 'pylon_db payment lock',
    sql: 'update pylon_db_locks set taken = taken + 1 where id = $1',
    values: [String(lock)],
  };
}
