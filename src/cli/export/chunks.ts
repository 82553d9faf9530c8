import { setImmediate as nextTurn } from 'node:timers/promises';

/** A value as SQLite stores it: integers are bigints, reals are numbers. */
export type StoredValue = string | number | bigint | Uint8Array | null;

/** A piece of an export. */
export interface Chunk {
  readonly data: string | Uint8Array;
  /** Rows that it holds. */
  readonly rows: number;
}

/** Characters of a piece: few writes, little memory. */
const CHUNK_LENGTH = 64 * 1024;

/** The rows as pieces of text. */
export function* inChunks<Row>(
  rows: Iterable<Row>,
  toText: (row: Row) => string,
): Generator<Chunk> {
  let data = '';
  let count = 0;
  for (const row of rows) {
    data += toText(row);
    count += 1;
    if (data.length < CHUNK_LENGTH) continue;
    yield { data, rows: count };
    data = '';
    count = 0;
  }
  if (count > 0) yield { data, rows: count };
}

/** How often progress is reported, in ms. */
const REPORT_MS = 50;

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
  let reportedAt = performance.now();
  for await (const { data, rows } of chunks) {
    if (!(await sink(data))) return done;
    done += rows;
    await nextTurn();
    if (performance.now() - reportedAt < REPORT_MS) continue;
    reportedAt = performance.now();
    onRows(done);
  }
  onRows(done);
  return done;
}
