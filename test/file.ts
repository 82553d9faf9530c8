import Database from 'better-sqlite3';
import { onTestFinished } from 'vitest';
import { type OpenOptions, PylonDb } from '../src/index.js';
import { migratedFile } from './migrated-file.js';

/** A migrated file in a fresh folder, with a clock that the test moves: `time.now`. */
export interface TestFile {
  readonly path: string;
  readonly db: PylonDb;
  readonly time: { now: number };
  /** Another PylonDb on the same file, as a second program would have. */
  open(options?: OpenOptions): Promise<PylonDb>;
}

/** 2026-07-01 12:00:00 UTC: the middle of a day. */
export const NOON = 1_782_907_200;

/** Opens a fresh file at `path`, or in a folder of its own; all is closed after the test. */
export async function testFile(options: OpenOptions = {}, at?: string): Promise<TestFile> {
  const path = migratedFile(at);
  const time = { now: NOON };
  const open = async (more: OpenOptions = {}) => {
    const db = await PylonDb.open(path, { clock: () => time.now, ...more });
    onTestFinished(() => db.close());
    return db;
  };
  return { path, db: await open(options), time, open };
}

/** Runs `sql` as another program does: no CHECKs, no foreign keys. */
export function writeByAnother(path: string, sql: string, ...parameters: unknown[]): void {
  withConnection(path, (db) => {
    db.pragma('foreign_keys = off');
    db.pragma('ignore_check_constraints = on');
    if (parameters.length === 0) db.exec(sql);
    else db.prepare(sql).run(...parameters);
  });
}

/** What a separate connection reads. */
export function stored(path: string, sql: string, ...parameters: unknown[]): object[] {
  return withConnection(path, (db) => db.prepare<unknown[], object>(sql).all(...parameters));
}

/** Every value of every row of the tables as SQL literals, which tell 1 from '1' and x'31'. */
export function literals(path: string, ...tables: readonly string[]): Record<string, string[]> {
  return withConnection(path, (db) =>
    Object.fromEntries(tables.map((table) => [table, literalRows(db, table)])),
  );
}

/** The tables that SPEC.md publishes, but for the ledger. */
export const PUBLISHED_TABLES = ['jobs', 'earnings', 'agents', 'tick_history'] as const;

function literalRows(db: Database.Database, table: string): string[] {
  const columns = db
    .prepare<[string], string>('select name from pragma_table_info(?)')
    .pluck()
    .all(table);
  const values = columns.map((column) => `'${column}=' || quote("${column}")`);
  const row = ["'rowid=' || rowid", ...values].join(" || ' ' || ");
  return db.prepare<[], string>(`select ${row} from "${table}" order by rowid`).pluck().all();
}

function withConnection<Result>(path: string, work: (db: Database.Database) => Result): Result {
  // Milliseconds: longer than any transaction of a test.
  const db = new Database(path, { fileMustExist: true, timeout: 10_000 });
  try {
    return work(db);
  } finally {
    db.close();
  }
}
