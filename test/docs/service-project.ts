import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { buildSync } from 'esbuild';
import { inject } from 'vitest';
import { PROJECT, type SourceFile } from './markdown.js';

/** The strictest settings that a service may have: our types must pass them. */
const STRICT = {
  target: 'ES2023',
  lib: ['ES2024', 'ESNext.Disposable'],
  module: 'NodeNext',
  types: ['node'],
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noUnusedLocals: true,
  verbatimModuleSyntax: true,
  skipLibCheck: false,
  // The compiler's own declarations are not ours to check.
  skipDefaultLibCheck: true,
  noEmit: true,
};

/** How a command ended. */
export interface Outcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder with a service's own package.json, tsconfig.json and sources. */
export class ServiceProject {
  constructor(readonly folder: string) {
    this.write('package.json', `${JSON.stringify({ name: 'service', type: 'module' })}\n`);
    const include = ['src', 'migrations', '*.ts'];
    this.write('tsconfig.json', JSON.stringify({ compilerOptions: STRICT, include }));
  }

  /** Writes a file, making its folder. */
  write(path: string, text: string): void {
    const file = join(this.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  writeAll(files: readonly SourceFile[]): void {
    for (const { path, text } of files) this.write(path, text);
  }

  /** Runs a file of TypeScript as one of JavaScript, which starts in a third of the time. */
  runFile(path: string): Outcome {
    const program = join(this.folder, path.replace(/\.ts$/, '.mjs'));
    buildSync({
      entryPoints: [join(this.folder, path)],
      outfile: program,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      packages: 'external',
      logLevel: 'error',
    });
    return this.run('node', program);
  }

  /** Runs a command in the folder, its own programs first, then the project's. */
  run(command: string, ...args: readonly string[]): Outcome {
    const bins = [this.folder, PROJECT].map((folder) => join(folder, 'node_modules/.bin'));
    const path = [...bins, process.env['PATH']].join(delimiter);
    const { status, stdout, stderr, error } = spawnSync(command, args, {
      cwd: this.folder,
      encoding: 'utf8',
      env: { ...process.env, PATH: path, NO_COLOR: '1' },
    });
    if (error !== undefined) throw error;
    return { exitCode: status, stdout, stderr };
  }
}

/** A service that runs on the bundle of pylon-db's sources. The packed package has its own tests. */
export function serviceOnSources(folder: string): ServiceProject {
  const service = new ServiceProject(folder);
  const theirs = join(PROJECT, 'node_modules');
  const own = join(folder, 'node_modules');
  mkdirSync(own);
  for (const name of readdirSync(theirs)) symlinkSync(join(theirs, name), join(own, name));
  symlinkSync(dirname(dirname(inject('cli'))), join(own, 'pylon-db'));
  return service;
}
