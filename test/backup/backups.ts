import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect } from 'vitest';
import type { BackupManifest } from '../../src/index.js';
import { agent, job } from '../engine/fresh.js';
import { testFile } from '../file.js';
import { contentsOf } from '../migrate/schema-of.js';
import { temporaryFolder } from '../temporary.js';

/** The manifest next to a backup. */
export function manifestOf(backup: string): BackupManifest {
  return JSON.parse(readFileSync(`${backup}.json`, 'utf8'));
}

export function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** Runs `work` on a connection that can't write. */
export function reading<Result>(path: string, work: (db: Database.Database) => Result): Result {
  const db = new Database(path, { readonly: true });
  try {
    return work(db);
  } finally {
    db.close();
  }
}

/** Schema and rows of a database. */
export function allOf(path: string): Record<string, unknown> {
  return reading(path, contentsOf);
}

/** Everything that a manifest says, found out here by other means than the product's. */
export function expectTrueManifest(backup: string): BackupManifest {
  const manifest = manifestOf(backup);
  expect(manifest.size_bytes).toBe(statSync(backup).size);
  expect(manifest.sha256).toBe(sha256(backup));
  reading(backup, (db) => {
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    const tables = db
      .prepare<[], string>(
        "select name from sqlite_master where type = 'table' and name not glob 'sqlite_*'",
      )
      .pluck()
      .all();
    const count = (table: string) =>
      db
        .prepare(`select count(*) from "${table.replaceAll('"', '""')}"`)
        .pluck()
        .get();
    expect(manifest.rows).toEqual(Object.fromEntries(tables.map((name) => [name, count(name)])));
    const names = db.prepare('select name from migrations order by id').pluck().all();
    expect(manifest.migrations).toEqual(names);
    const violations = db.prepare('pragma foreign_key_check').all();
    expect(manifest.foreign_key_violations).toBe(violations.length);
  });
  return manifest;
}

/** Files that a backup doesn't leave behind: its hidden names, and SQLite's next to a backup. */
export function temporariesIn(folder: string): string[] {
  return readdirSync(folder).filter(
    (name) => name.startsWith('.') || /^(?!pylon\.db).*-(wal|shm|journal)$/.test(name),
  );
}

/** The paths of a folder's backups, by their manifests' and their own names. */
export function finalsIn(folder: string): string[] {
  const names = readdirSync(folder).map((name) => name.replace(/\.json$/, ''));
  return [...new Set(names)]
    .filter((name) => name.endsWith('.db'))
    .map((name) => join(folder, name));
}

/** A database with some rows of each kind, and an empty folder for its backups. */
export async function filled() {
  const file = await testFile();
  const { db } = file;
  await db.agents.upsert(agent('n'));
  await db.agents.recordTick('n', { tick_number: 1 });
  for (let i = 0; i < 200; i++) await db.jobs.create(job(`job ${i}`));
  await db.jobs.completeWithPayment('job 0', { price_msats: 5000, preimage: 'a secret' });
  return { ...file, folder: temporaryFolder() };
}
