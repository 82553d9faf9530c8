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
