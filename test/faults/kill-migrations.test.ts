import { chmodSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { literals, PUBLISHED_TABLES } from '../file.js';
import { freshTotals, rollupTotals } from '../migrate/fresh-aggregate.js';
import { schemaOf } from '../migrate/schema-of.js';
import { temporaryFolder } from '../temporary.js';
import { Program } from './program.js';
import { fuzzSeed, Random } from './random.js';
import { rounds, SOAK_TIMEOUT_MS } from './rounds.js';
import { reported } from './table.js';

const SEED = fuzzSeed();
const FIXTURE = join(import.meta.dirname, '../fixtures/node-001.db');
const STARTERS = 8;

/** Rounds on a new file and on one of another implementation, by turns. */
const ROUNDS = 12;

/** Kills that must hit a migration: a process that comes late finds less to do than it may reach. */
const LEAST_KILLS = 40;

/** How far a process may come, in statements: into the first migration, the second, through all. */
const REACHES = [8, 20, 60];

const starter = new Program(join(import.meta.dirname, 'kill-migrations-starter.ts'));

it(`kill -9 of ${STARTERS} processes that migrate leaves whole migrations only (seed ${SEED})`, {
  timeout: SOAK_TIMEOUT_MS,
}, async () => {
  const random = new Random(SEED);
  const schemas = await schemasByLedger();
  let kills = 0;
  let tried = 0;
  for (const round of rounds(ROUNDS, () => kills >= LEAST_KILLS)) {
    const path = round % 2 === 0 ? join(temporaryFolder(), 'pylon.db') : publishedFile();
    const before = round % 2 === 0 ? undefined : literals(path, ...PUBLISHED_TABLES);
    // In every third round all die, so that what they leave can be looked at.
    const killed = round % 3 === 0 ? STARTERS : STARTERS - 1 - random.int(2);
    const ends = await startAtOnce(path, killed, random);
    kills += ends.filter(({ signal }) => signal === 'SIGKILL').length;
    tried += killed;
    for (const end of ends.filter(({ signal }) => signal === null)) {
      expect(end).toMatchObject({ exitCode: 0, stderr: '', lines: ['migrated'] });
    }
    expectOneOf(schemas, path);

    // The next start completes.
    await (await PylonDb.open(path)).close();
    expectMigrated(path, schemas);
    if (before !== undefined) expectKept(path, before);
  }
  expect(kills).toBeGreaterThanOrEqual(LEAST_KILLS);
  reported('kill -9 in migrations', {
    tried: `${kills} kills (${tried} aimed at a statement), ${STARTERS} starters at once`,
    figure: '0 half-applied; the next start completed each time',
  });
});

async function startAtOnce(path: string, killed: number, random: Random) {
  const runs = Array.from({ length: STARTERS }, (_, i) =>
    i < killed
      ? starter.run([path, random.int(random.pick(REACHES)), random.pick(['before', 'after'])])
      : starter.run([path]),
  );
  return await Promise.all(runs);
}

function publishedFile(): string {
  const path = join(temporaryFolder(), 'node-001.db');
  copyFileSync(FIXTURE, path);
  chmodSync(path, 0o600);
  return path;
}

/** The schema after each migration, by the names in the ledger; `''` is the empty file. */
async function schemasByLedger(): Promise<Map<string, string>> {
  const schemas = new Map([['', '']]);
  const { migrations } = await import('../../migrations/index.js');
  const { Migrator } = await import('../../src/migrate/migrator.js');
  const path = join(temporaryFolder(), 'steps.db');
  const db = new Database(path);
  const migrator = new Migrator({ db, path, list: migrations, busyTimeoutMs: 0 });
  for (const name of Object.keys(migrations)) {
    await migrator.up(name);
    schemas.set(ledgerOf(db), schemaText(db));
  }
  db.close();
  return schemas;
}

/** Throws unless the schema is exactly the one of the migrations in its ledger. */
function expectOneOf(schemas: ReadonlyMap<string, string>, path: string): void {
  const db = new Database(path);
  expect(schemaText(db)).toBe(schemas.get(ledgerOf(db)));
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
  db.close();
}

function expectMigrated(path: string, schemas: ReadonlyMap<string, string>): void {
  const db = new Database(path);
  expect(ledgerOf(db)).toBe([...schemas.keys()].at(-1));
  expect(rollupTotals(db)).toEqual(freshTotals(db));
  db.close();
  expectOneOf(schemas, path);
}

/** Every row that was there is there, next to the jobs of the starters. */
function expectKept(path: string, before: Readonly<Record<string, readonly string[]>>): void {
  const after = literals(path, ...PUBLISHED_TABLES);
  for (const [table, rows] of Object.entries(before)) {
    expect(after[table]).toEqual(expect.arrayContaining([...rows]));
  }
}

function ledgerOf(db: Database.Database): string {
  const hasLedger = schemaOf(db).some(({ name }) => name === 'migrations');
  if (!hasLedger) return '';
  return db.prepare<[], string>('select name from migrations order by id').pluck().all().join(' ');
}

/** Every object by name, ours with their SQL: of the published ones each program has its own text. */
function schemaText(db: Database.Database): string {
  return schemaOf(db)
    .map(({ type, name, sql }) => `${type} ${name} ${name.startsWith('pylon_db') ? sql : ''}`)
    .join('\n');
}
