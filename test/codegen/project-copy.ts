import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { build } from 'esbuild';
import { inject, onTestFinished } from 'vitest';
import type { Outcome } from '../cli/command.js';
import { CommandProcess } from '../cli/command-process.js';

/** The project's folder. Its own generated files belong to no test. */
export const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

/** A fresh folder that is removed after the test. */
export function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pylon-db-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A fresh SQLite file with what `sql` makes; its path. */
export function databaseWith(sql: string): string {
  const path = join(freshFolder(), 'live.db');
  const database = new Database(path);
  database.exec(sql);
  database.close();
  return path;
}

/** A folder whose TypeScript finds our packages. */
export function folderWithPackages(): string {
  const folder = freshFolder();
  symlinkSync(join(PROJECT, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** A copy of the project whose migrations and generated files a test may edit. */
export function projectCopy(): string {
  const folder = folderWithPackages();
  for (const part of ['src', 'migrations', 'generated', 'package.json', 'tsconfig.json']) {
    cpSync(join(PROJECT, part), join(folder, part), { recursive: true });
  }
  return folder;
}

/** Replaces `from`, which must be there, in a file. */
export function edit(path: string, from: string, to: string): void {
  const text = readFileSync(path, 'utf8');
  if (!text.includes(from)) throw new Error(`${path} does not contain: ${from}`);
  writeFileSync(path, text.replace(from, to));
}

/** Runs the real command of the project in `folder`, from one file, in a process that has run others. */
export async function codegen(folder: string, ...args: readonly string[]): Promise<Outcome> {
  return await CommandProcess.run({ program: await programOf(folder), args, folder });
}

let ours: Promise<string> | undefined;

/** The command as one file. A copy of the project may have changed since the last call. */
async function programOf(folder: string): Promise<string> {
  if (folder !== PROJECT) return await bundle(folder, folder);
  ours ??= bundle(PROJECT, mkdtempSync(join(inject('runFolder'), 'codegen-')));
  return await ours;
}

/** Puts it where its source would be in `home`: from there it finds the folders of a project. */
async function bundle(project: string, home: string): Promise<string> {
  const program = join(home, 'src', 'codegen', 'main.mjs');
  const packages = join(home, 'node_modules');
  if (!existsSync(packages)) symlinkSync(join(PROJECT, 'node_modules'), packages);
  await build({
    entryPoints: [join(project, 'src', 'codegen', 'main.ts')],
    outfile: program,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    logLevel: 'error',
  });
  return program;
}
