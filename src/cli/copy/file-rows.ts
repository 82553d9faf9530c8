import { setImmediate as nextTurn } from 'node:timers/promises';
import type Database from 'better-sqlite3';
import { type CopiedTable, columnList, quoted } from '../../schema/tables.js';
import { type CopiedRow, copiedRow, notCopied, type SqliteValue } from './row.js';

/** Characters of a list of rows: few turns of the event loop, little memory. */
const LIST_LENGTH = 128 * 1024;

/**
 * The rows of a file's table in the order of storage, in lists; the event loop runs between two.
 * Throws `CORRUPT_ROW`.
 */
export async function* fileRows(
  db: Database.Database,
  table: CopiedTable,
): AsyncGenerator<readonly CopiedRow[]> {
  const statement = db.prepare<[], SqliteValue[]>(
    `select ${columnList(table)}, rowid from ${quoted(table.name)} order by rowid`,
  );
  const isUtf8 = db.pragma('encoding', { simple: true }) === 'UTF-8';
  const suspects: Suspect[] = [];
  let rows: CopiedRow[] = [];
  let length = 0;
  for (const stored of statement.raw().safeIntegers().iterate()) {
    const row = copiedRow(table, stored);
    for (const [i, value] of row.entries()) {
      length += value?.length ?? 0;
      if (isUtf8 && typeof stored[i] === 'string' && value?.includes(REPLACEMENT) === true) {
        suspects.push({ rowid: stored.at(-1) ?? null, index: i, row });
      }
    }
    rows.push(row);
    if (length < LIST_LENGTH) continue;
    yield rows;
    rows = [];
    length = 0;
    await nextTurn();
  }
  if (rows.length > 0) yield rows;
  // Only now is the connection free for another statement.
  for (const suspect of suspects) assertUtf8(db, table, suspect);
}

/** What the driver reads for bytes that are no UTF-8; it may as well be stored. */
const REPLACEMENT = '\ufffd';

/** A text as it is stored. */
function textOf({ columns }: CopiedTable, row: CopiedRow, index: number): string {
  const text = row[index] ?? '';
  return columns[index]?.kind === 'any' ? text.slice(1) : text;
}

interface Suspect {
  readonly rowid: SqliteValue;
  readonly index: number;
  readonly row: CopiedRow;
}

function assertUtf8(
  db: Database.Database,
  table: CopiedTable,
  { rowid, index, row }: Suspect,
): void {
  const column = table.columns[index]?.name ?? '';
  const bytes = db
    .prepare<[SqliteValue], Buffer>(
      `select cast(${quoted(column)} as blob) from ${quoted(table.name)} where rowid = ?`,
    )
    .pluck()
    .get(rowid);
  if (bytes === undefined || bytes.equals(Buffer.from(textOf(table, row, index)))) return;
  const key = row[table.columns.findIndex(({ name }) => name === table.key)] ?? 'NULL';
  throw notCopied(table, key, `${column} holds text that is no UTF-8`, column);
}
