import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import { DiffChecker } from 'kysely-codegen';
import { migrations } from '../../migrations/index.js';
import { generateSchemaSql, generateTypes } from './generate.js';
import { generateOwnObjects } from './own-objects.js';

/** A file and the text that the schema says it must have. */
export interface GeneratedFile {
  readonly path: string;
  readonly text: string;
}

/** Types, schema dump and the list of our own objects, from our migrations on temporary databases. */
export async function generateOurs(folder: string): Promise<GeneratedFile[]> {
  const temporary = mkdtempSync(join(tmpdir(), 'pylon-db-codegen-'));
  try {
    const database = join(temporary, 'pylon.db');
    await createMigratedDatabase(database);
    return [
      { path: join(folder, 'db.ts'), text: await generateTypes(database) },
      { path: join(folder, 'schema.sql'), text: generateSchemaSql(database) },
      { path: join(folder, 'own-objects.ts'), text: await generateOwnObjects() },
    ];
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** Writes the file, making its folder if need be. */
export function writeGenerated({ path, text }: GeneratedFile): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/**
 * What differs between the file and the schema, as a diff from the file (`-`) to the schema (`+`);
 * undefined if nothing does. A missing file differs in every line.
 */
export function findDrift({ path, text }: GeneratedFile): string | undefined {
  const written = readIfPresent(path);
  if (written === text) return undefined;
  const diff = new DiffChecker().diff(written ?? '', text) ?? '';
  return diff === '' ? 'They differ in white space at the start or end.\n' : diff;
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Creates a database file with all of our migrations, for codegen to read and throw away. Not by
 * our own runner: that refuses published columns that changed, before codegen could show how.
 */
export async function createMigratedDatabase(file: string): Promise<void> {
  const dialect = new SqliteDialect({ database: new Database(file) });
  const kysely = new Kysely<unknown>({ dialect });
  try {
    for (const [name, load] of Object.entries(migrations)) {
      const migration = await load();
      await migration.up({ name, context: kysely, engine: 'sqlite' });
    }
  } finally {
    await kysely.destroy();
  }
}
