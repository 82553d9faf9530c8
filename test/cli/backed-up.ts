import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { inject } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { manifestOf, sha256 } from '../backup/backups.js';
import { temporaryFolder } from '../temporary.js';
import { contents } from './command.js';

/** 2026-07-01 12:00:00 UTC. */
export const NOON = 1_782_907_200;

/** Made once, and copied: most tests want them as they are. */
const templates = makeTemplates();

async function makeTemplates(): Promise<string> {
  const folder = mkdtempSync(join(inject('runFolder'), 'backups-'));
  const db = await PylonDb.open(join(folder, 'pylon.db'), { clock: () => NOON });
  for (const id of ['a', 'b']) await db.jobs.create({ id, kind: 1, customer_pubkey: 'c' });
  await db.backup(join(folder, 'copy.db'));
  await db.close();
  return folder;
}

/** A closed database with two jobs, alone in its folder. */
export async function database(): Promise<string> {
  const path = join(temporaryFolder(), 'pylon.db');
  copyFileSync(join(await templates, 'pylon.db'), path);
  return path;
}

/** A backup of two jobs, alone in its folder. */
export async function backup(): Promise<string> {
  const path = join(temporaryFolder(), 'copy.db');
  for (const suffix of ['', '.json']) {
    copyFileSync(join(await templates, `copy.db${suffix}`), path + suffix);
  }
  return path;
}

/** A backup of the database at `path` that says that it was made at `now`, in unix seconds. */
export async function backupAt(now: number, path: string, destination: string): Promise<string> {
  const made = await backup();
  for (const suffix of ['', '.json']) copyFileSync(made + suffix, destination + suffix);
  changeManifest(destination, { created_at: now, source: realpathSync(path) });
  return destination;
}

/** A database of some ten MB, whose backup and verification can be interrupted. */
export async function longDatabase(): Promise<string> {
  const path = await database();
  const db = new Database(path);
  db.exec(`
    with recursive n (i) as (select 1 union all select i + 1 from n where i < 20000)
    insert into jobs (id, kind, customer_pubkey, status, started_at, input_hash)
    select 'job ' || i, 2, 'c', 'pending', i, hex(randomblob(500)) from n`);
  db.close();
  return path;
}

/** Writes over a page that holds rows. */
export function damage(path: string): void {
  const db = new Database(path, { readonly: true });
  const page = db
    .prepare<[], number>("select pageno from dbstat where name = 'jobs' and pagetype = 'leaf'")
    .pluck()
    .get();
  db.close();
  const bytes = readFileSync(path);
  bytes.fill(0xff, ((page ?? 1) - 1) * 4096, (page ?? 1) * 4096);
  writeFileSync(path, bytes);
}

export function changeManifest(backup: string, changes: object): void {
  writeFileSync(`${backup}.json`, JSON.stringify({ ...manifestOf(backup), ...changes }));
}

/** Lets the manifest agree with the bytes, as somebody who tampers would. */
export function withItsBytes(backup: string): void {
  changeManifest(backup, { sha256: sha256(backup), size_bytes: statSync(backup).size });
}

/** Spoils a backup, and lets the manifest agree. */
export function unnoticed(spoil: (backup: string) => void): (backup: string) => void {
  return (backup) => {
    spoil(backup);
    withItsBytes(backup);
  };
}

export function change(backup: string, sql: string): void {
  const db = new Database(backup);
  db.exec(sql);
  db.close();
  withItsBytes(backup);
}

/** Names, bytes and times of all files of a folder. */
export function state(folder: string): unknown {
  const times = readdirSync(folder).map((name) => {
    const { mtimeMs, ctimeMs, ino, mode } = statSync(join(folder, name));
    return { name, mtimeMs, ctimeMs, ino, mode };
  });
  const { mtimeMs } = statSync(folder);
  return { mtimeMs, times, bytes: contents(folder) };
}
