import { inject, it } from 'vitest';
import type { OpenOptions, PylonDb } from '../src/index.js';
import { postgresDatabase } from './postgres/database.js';
import { sqliteDatabase } from './sqlite-database.js';

/** A migrated database of one test's own, whichever engine the run is for. */
export interface TestDatabase {
  readonly db: PylonDb;
  /** What `PylonDb.open` opens it by: a path, or a URL. */
  readonly url: string;
  /** Its clock, which the test moves: `time.now`. */
  readonly time: { now: number };
  /** Another PylonDb on the same database, as a second program would have. */
  readonly open: (options?: OpenOptions) => Promise<PylonDb>;
  /** What a separate connection reads; `?` stands for each parameter. */
  readonly stored: (sql: string, ...parameters: unknown[]) => Promise<object[]>;
  /** The first column of the first row that a separate connection reads. */
  readonly value: (sql: string) => Promise<unknown>;
  /** Every value of every row of the tables as SQL literals, which tell 1 from '1' and x'31'. */
  readonly literals: (...tables: readonly string[]) => Promise<Record<string, string[]>>;
  /** Runs `sql` as another program does: no CHECKs, no foreign keys. */
  readonly writeByAnother: (sql: string, ...parameters: unknown[]) => Promise<void>;
  /**
   * Makes a trigger of another program that refuses writes: `before insert on earnings`, all of
   * them or those `when`.
   */
  readonly refuse: (event: string, when?: string) => Promise<void>;
  /**
   * Makes a trigger of another program that silently keeps rows out (`before insert on earnings`), or
   * removes them again (`after insert on earnings`).
   */
  readonly swallow: (event: string) => Promise<void>;
}

const server = inject('postgres');

/** The engine that this run is for. */
export const ENGINE = server === undefined ? 'sqlite' : 'postgres';

/** An `it` for tests that need several sessions at once; PGlite has one. */
export const itBesideOthers: typeof it.skip = server === 'PGlite' ? it.skip : it;

/** What an engine's connection of another program gives; see {@link TestDatabase}. */
export type Looks = Omit<TestDatabase, 'value'>;

/** Opens a fresh database; all is closed and removed after the test. */
export async function testDatabase(options: OpenOptions = {}): Promise<TestDatabase> {
  const database = await open(options);
  const value = async (sql: string) => Object.values((await database.stored(sql))[0] ?? {})[0];
  return { ...database, value };
}

async function open(options: OpenOptions): Promise<Looks> {
  if (server === undefined) return await sqliteDatabase(options);
  if (server !== 'PGlite') return await postgresDatabase(server.url, options);
  // 27 MB, and seconds to start.
  const { liteDatabase } = await import('./postgres/lite-database.js');
  return await liteDatabase(options);
}
