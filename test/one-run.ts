import { execFile } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import type { TestProject } from 'vitest/node';
import { PylonDb } from '../src/index.js';

const PROJECT = join(import.meta.dirname, '..');

declare module 'vitest' {
  interface ProvidedContext {
    /** The command line as the package ships it. */
    readonly cli: string;
    /** An empty database as `PylonDb.open` makes it, and its identity. */
    readonly migrated: { readonly path: string; readonly identity: string };
    /** For what tests of several files share; removed after the run. */
    readonly runFolder: string;
  }
}

/**
 * Makes once for a whole run what is slow: the command line as a bundle, which starts much faster than
 * under tsx, and a migrated database.
 */
export default async function oneRun(project: TestProject): Promise<() => void> {
  const runFolder = mkdtempSync(join(tmpdir(), 'pylon-db-run-'));
  // Tests that run as root run the command as another user too.
  chmodSync(runFolder, 0o711);
  const home = join(runFolder, 'package');
  mkdirSync(home);
  project.provide('cli', await bundle(home));
  project.provide('migrated', await migrated(join(runFolder, 'migrated.db')));
  project.provide('runFolder', runFolder);
  return () => rmSync(runFolder, { recursive: true, force: true });
}

async function bundle(folder: string): Promise<string> {
  const manifest = readFileSync(join(PROJECT, 'package.json'), 'utf8');
  const build = ['--import', 'tsx', 'build.ts', join(folder, 'dist')];
  await promisify(execFile)(process.execPath, build, { cwd: PROJECT });
  writeFileSync(join(folder, 'package.json'), manifest);
  symlinkSync(join(PROJECT, 'node_modules'), join(folder, 'node_modules'));
  return join(folder, 'dist', 'cli.js');
}

async function migrated(path: string): Promise<{ path: string; identity: string }> {
  await (await PylonDb.open(path)).close();
  const database = new Database(path, { readonly: true });
  const identity = database
    .prepare<[], string>('select identity from pylon_db_identity')
    .pluck()
    .get();
  database.close();
  return { path, identity: identity ?? '' };
}
