import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { migrations } from '../../migrations/index.js';
import { PylonDb } from '../../src/index.js';
import { temporaryFolder } from '../temporary.js';
import { publishedSql } from './published.js';
import { normalised, type SchemaObject, schemaOf } from './schema-of.js';

const ROOT = join(import.meta.dirname, '../..');
const describeObject = ({ type, name, tbl_name, sql }: SchemaObject) =>
  `${type} ${name} on ${tbl_name}: ${sql === null ? 'automatic' : normalised(sql)}`;

function publishedSchema(): string[] {
  const db = new Database(':memory:');
  db.exec(publishedSql());
  const schema = schemaOf(db).map(describeObject);
  db.close();
  return schema;
}

async function migratedSchema(): Promise<SchemaObject[]> {
  const path = join(temporaryFolder(), 'pylon.db');
  await (await PylonDb.open(path)).close();
  const db = new Database(path, { readonly: true });
  const schema = schemaOf(db);
  db.close();
  return schema;
}

describe('the schema after all migrations', () => {
  it('has the five tables and eight indexes of SPEC.md, word for word', async () => {
    const published = publishedSchema();
    expect(published.filter((object) => /^table (?!sqlite_)/.test(object))).toHaveLength(5);
    expect(published.filter((object) => /^index (?!sqlite_)/.test(object))).toHaveLength(8);
    const migrated = (await migratedSchema()).map(describeObject);
    expect(migrated.filter((object) => published.includes(object))).toEqual(published);
  });

  it('has next to them only objects that carry our name', async () => {
    const published = new Set(publishedSchema());
    const additions = (await migratedSchema()).filter(
      (object) => !published.has(describeObject(object)),
    );
    expect(additions.length).toBeGreaterThan(0);
    for (const { name, tbl_name } of additions) {
      expect(name.startsWith('pylon_db_') || tbl_name.startsWith('pylon_db_'), name).toBe(true);
    }
  });

  it.each([
    ['a column of another type', 'kind INTEGER NOT NULL', 'kind TEXT NOT NULL'],
    ['a status in other letters', "'pending'", "'Pending'"],
    ['a missing default', 'price_msats INTEGER NOT NULL DEFAULT 0', 'price_msats INTEGER NOT NULL'],
    ['a missing reference', 'TEXT REFERENCES jobs(id)', 'TEXT'],
  ])('would not pass with %s', (_, published, changed) => {
    const before = publishedSql();
    expect(before).toContain(published);
    expect(normalised(before.replace(published, changed))).not.toBe(normalised(before));
  });
});

describe('migrations/index.ts', () => {
  const files = readdirSync(join(ROOT, 'migrations'))
    .filter((file) => !['index.ts', 'ddl-syntax.ts'].includes(file) && !file.startsWith('005-'))
    .sort();

  it('lists the files of its folder, in their order', () => {
    expect(Object.keys(migrations).map((name) => `${name}.ts`)).toEqual(files);
  });

  it('imports under each name the file of that name', () => {
    const source = readFileSync(join(ROOT, 'migrations/index.ts'), 'utf8');
    for (const name of Object.keys(migrations)) {
      expect(source).toContain(`'${name}': () => import('./${name}.js')`);
    }
  });

  it('has a way back from each but the published schema', async () => {
    const reversible: string[] = [];
    for (const [name, load] of Object.entries(migrations)) {
      const migration = await load();
      expect(migration.up).toBeTypeOf('function');
      if (migration.down !== undefined) reversible.push(name);
    }
    expect(reversible).toEqual(Object.keys(migrations).filter((n) => n !== '001_initial_schema'));
  });
});
