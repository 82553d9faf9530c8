import { type Kysely, sql } from 'kysely';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type DB, PylonDb } from '../../src/index.js';
import { openFresh } from './fresh.js';
import { valueOutside } from './outside.js';

/** A PRAGMA statement is asked of the writer, `pragma_…` as a table of the reader. */
const ofWriter = (db: Kysely<DB>, pragma: string) =>
  sql<Record<string, unknown>>`pragma ${sql.raw(pragma)}`.execute(db).then(onlyValue);
const ofReader = (db: Kysely<DB>, pragma: string) =>
  sql<Record<string, unknown>>`select * from ${sql.raw(`pragma_${pragma}`)}`
    .execute(db)
    .then(onlyValue);

function onlyValue({ rows }: { rows: Record<string, unknown>[] }): unknown {
  const [value] = Object.values(rows[0] ?? {});
  return value;
}

describe.each([
  ['the writer', ofWriter],
  ['the reader', ofReader],
])('%s', (_, ask) => {
  it.each([
    ['synchronous', 1],
    ['foreign_keys', 1],
    ['temp_store', 2],
    ['cache_size', -65_536],
    ['trusted_schema', 0],
    ['cell_size_check', 1],
    ['journal_mode', 'wal'],
  ])('answers %s with %s', async (pragma, answer) => {
    const db = await openFresh();
    expect(await ask(db.kysely, pragma)).toBe(answer);
  });

  it("answers synchronous with FULL for durability 'full'", async () => {
    const db = await openFresh({ durability: 'full' });
    expect(await ask(db.kysely, 'synchronous')).toBe(2);
  });
});

describe('the writer', () => {
  it.each([
    ['wal_autocheckpoint', 4000],
    ['journal_size_limit', 32 * 1024 * 1024],
  ])('answers %s with %i', async (pragma, answer) => {
    const db = await openFresh();
    expect(await ofWriter(db.kysely, pragma)).toBe(answer);
  });
});

describe('the database', () => {
  it('stays in WAL mode, as published', async () => {
    const db = await openFresh();
    await db.close();
    expect(valueOutside(db.path, 'pragma journal_mode')).toBe('wal');
  });

  it('in memory has foreign keys on too', async () => {
    const db = await PylonDb.openInMemory();
    onTestFinished(() => db.close());
    expect(await ofWriter(db.kysely, 'foreign_keys')).toBe(1);
    expect(await ofReader(db.kysely, 'trusted_schema')).toBe(0);
  });
});
