import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { PROJECT } from '../docs/markdown.js';

/** What the build and the package are made of; the rest of the project stays out of the copy. */
const PARTS = [
  'src',
  'migrations',
  'generated',
  'build.ts',
  'package.json',
  'tsconfig.json',
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
];

/** What no build and no service needs, and the largest by far. */
const NOT_COPIED = ['.cache', '@biomejs'];

interface Manifest {
  readonly bin: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

/** The package as `npm pack` makes it. */
export class PackedPackage {
  /** The unpacked package. */
  readonly content: string;

  /** Builds and packs a copy of the project in `folder`, which is the caller's to remove. */
  constructor(readonly folder: string) {
    this.content = join(folder, 'package');
    const copy = join(this.folder, 'project');
    for (const part of PARTS) cpSync(join(PROJECT, part), join(copy, part), { recursive: true });
    // A copy, because the bundler writes real paths: links would lead it out of the project.
    cpSync(join(PROJECT, 'node_modules'), join(copy, 'node_modules'), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (source) => !NOT_COPIED.includes(relative(join(PROJECT, 'node_modules'), source)),
    });
    const packed = execFileSync('npm', ['pack', '--pack-destination', this.folder], {
      cwd: copy,
      encoding: 'utf8',
      // npm's notices go with the build's; a failed build shows them in the error.
      stdio: 'pipe',
    });
    const tarball = packed.trim().split('\n').at(-1) ?? '';
    execFileSync('tar', ['-xzf', tarball], { cwd: this.folder });
  }

  /** The files of the package, from its folder. */
  files(): string[] {
    return readdirSync(this.content, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(this.content, join(entry.parentPath, entry.name)))
      .sort();
  }

  read(path: string): string {
    return readFileSync(join(this.content, path), 'utf8');
  }

  /** What its package.json says. */
  get manifest(): Manifest {
    return JSON.parse(this.read('package.json'));
  }

  /**
   * Installs the package in a service's folder as npm does, with links to packages that are installed
   * here, by default all of them, since SQLite would be compiled again.
   */
  installIn(folder: string, packages: readonly string[] = installedPackages()): void {
    const modules = join(folder, 'node_modules');
    const installed = join(modules, 'pylon-db');
    cpSync(this.content, installed, { recursive: true });
    for (const name of packages) {
      mkdirSync(dirname(join(modules, name)), { recursive: true });
      symlinkSync(join(PROJECT, 'node_modules', name), join(modules, name));
    }
    mkdirSync(join(modules, '.bin'));
    for (const [name, target] of Object.entries(this.manifest.bin)) {
      chmodSync(join(installed, target), 0o755);
      symlinkSync(join('..', 'pylon-db', target), join(modules, '.bin', name));
    }
  }
}

/** Every package here; of `@types` only Node's, so that our own types must stand alone. */
function installedPackages(): string[] {
  return readdirSync(join(PROJECT, 'node_modules')).flatMap((name) => {
    if (name.startsWith('.')) return [];
    return name === '@types' ? ['@types/node'] : [name];
  });
}
