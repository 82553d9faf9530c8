// `npm run build:js [-- FOLDER]`: makes the JavaScript of the package, with the packages that it
// brings along and their licences. FOLDER is `dist` unless a test wants its own.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type OutputChunk, type OutputOptions, type RolldownBuild, rolldown } from 'rolldown';

const ROOT = import.meta.dirname;
const DIST = resolve(process.argv[2] ?? join(ROOT, 'dist'));

const ENTRIES = {
  index: 'src/index.ts',
  cli: 'src/cli/main.ts',
  codegen: 'src/codegen/index.ts',
  'library-child': 'src/backup/library-child.ts',
  'command-child': 'src/cli/shell/command-child.ts',
  'watchdog-thread': 'src/cli/query/watchdog-thread.js',
};

/** What is loaded from its own package; all else is bundled. */
const EXTERNAL = ['better-sqlite3', 'kysely-codegen', 'pg', 'umzug'];

const OUTPUT: OutputOptions = {
  dir: DIST,
  format: 'esm',
  chunkFileNames: '[name]-[hash].js',
  comments: { legal: true, annotation: true, jsdoc: false },
};

/** Modules that are loaded with an entry. Everything else of it is loaded when it is used. */
type Loaded = Readonly<Record<keyof typeof ENTRIES, ReadonlySet<string>>>;

rmSync(DIST, { recursive: true, force: true });
const bundle = await rolldown({
  cwd: ROOT,
  input: ENTRIES,
  platform: 'node',
  external: EXTERNAL,
  transform: { target: 'node20' },
});
const { index, cli } = await modulesLoaded(bundle);
// The bundler gives each set of modules that is used together a file of its own: opening a database
// would load 35 of them, which takes a tenth longer.
const groups = [
  { name: 'common', test: (id: string) => index.has(id) && cli.has(id) },
  { name: 'library', test: (id: string) => index.has(id) && !cli.has(id) },
];
const { output } = await bundle.write({ ...OUTPUT, codeSplitting: { groups } });
await bundle.close();
writeFileSync(join(DIST, 'LICENSES.txt'), licences(output.filter(isChunk)));

async function modulesLoaded(bundle: RolldownBuild): Promise<Loaded> {
  const { output } = await bundle.generate(OUTPUT);
  const chunks = new Map(output.filter(isChunk).map((chunk) => [chunk.fileName, chunk]));
  const loadedWith = (entry: string): ReadonlySet<string> => {
    const files = new Set([`${entry}.js`]);
    for (const file of files) for (const next of chunks.get(file)?.imports ?? []) files.add(next);
    return new Set([...files].flatMap((file) => chunks.get(file)?.moduleIds ?? []));
  };
  const entries = Object.keys(ENTRIES).map((entry) => [entry, loadedWith(entry)]);
  return Object.fromEntries(entries) as Loaded;
}

function isChunk(output: { readonly type: string }): output is OutputChunk {
  return output.type === 'chunk';
}

/** The licence of each package that was bundled. Throws for a package without one. */
function licences(chunks: readonly OutputChunk[]): string {
  const ids = chunks.flatMap(({ moduleIds }) => moduleIds);
  const folders = new Set(
    ids.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []),
  );
  return [...folders]
    .sort()
    .map(licenceOf)
    .join(`\n${'-'.repeat(72)}\n\n`);
}

function licenceOf(folder: string): string {
  const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    readonly name: string;
    readonly version: string;
  };
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined) throw new Error(`${name} has no licence file`);
  return `${name} ${version}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
}
