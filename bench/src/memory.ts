/** What the page caches of all contestants take together, in bytes. */
const TOUCHED_BYTES = 1024 ** 3;

/** Below the size from which malloc gives memory back at once. */
const PIECE_BYTES = 100 * 1024;

/**
 * Makes the process as large as it will become, and frees the memory for reuse. A page of memory
 * costs most when it is first touched (several times a small read, on a virtual machine): a cost
 * of starting up, which would hit whoever fills a page cache first.
 */
export function touchMemory(): void {
  let pieces: Buffer[] = [];
  for (let touched = 0; touched < TOUCHED_BYTES; touched += PIECE_BYTES) {
    pieces.push(Buffer.alloc(PIECE_BYTES, 1));
  }
  pieces = [];
  globalThis.gc?.();
}
