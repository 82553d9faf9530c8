import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Chunk } from './chunk.js';

/** How often progress is told, in ms. */
const TELL_MS = 50;

/** Takes a piece; `false` when nobody wants more. */
export type Sink = (data: string | Uint8Array) => boolean | Promise<boolean>;

/** How an export goes to its reader. */
export interface StreamOptions {
  /** Several tables in one text. */
  readonly together: boolean;
  readonly sink: Sink;
  readonly onRows: (done: number, total: number) => void;
}

/**
 * Writes the pieces as fast as `sink` takes them and gives the number of rows written. The event
 * loop runs between pieces. Stops early when `sink` gives `false`.
 */
export async function writeChunks(
  chunks: Iterable<Chunk> | AsyncIterable<Chunk>,
  sink: Sink,
  onRows: (done: number) => void,
): Promise<number> {
  let done = 0;
  let told = performance.now();
  for await (const { data, rows } of chunks) {
    if (!(await sink(data))) return done;
    done += rows;
    await nextTurn();
    if (performance.now() - told < TELL_MS) continue;
    told = performance.now();
    onRows(done);
  }
  onRows(done);
  return done;
}
