import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../temporary.js';
import { LAYERS } from './allow-list.js';
import { type Import, importsOf, sourceFiles } from './imports.js';
import { layerProblems } from './problems.js';
import { withTable } from './table.js';

const ROOT = join(import.meta.dirname, '../..');

const files = sourceFiles(ROOT);
const imports = files.flatMap((file) => importsOf(ROOT, file));

function problemsWith(...added: Import[]): string[] {
  return layerProblems(LAYERS, files, [...imports, ...added]);
}

const importOf = (from: string, to: string, isType = false): Import => ({
  from,
  to,
  isFile: files.includes(to),
  isType,
});

describe('the sources', () => {
  it('import only what the allow-list allows, and in no circle', () => {
    expect(problemsWith()).toEqual([]);
  });

  it('are all looked at, and each imports something or is imported', () => {
    expect(files).toEqual(expect.arrayContaining(['kysely.config.ts', 'generated/db.ts']));
    const linked = new Set(imports.flatMap(({ from, to }) => [from, to]));
    expect(files.filter((file) => !linked.has(file))).toEqual([]);
    // An import that the reading of imports missed leads to no file.
    expect(imports.filter(({ to, isFile }) => isFile && !files.includes(to))).toEqual([]);
  });

  it('are shown in docs/architecture.md as the allow-list has them', () => {
    const page = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8');
    expect(withTable(page)).toBe(page);
  });
});

describe('an import is refused', () => {
  it('of the command line by every file below it', () => {
    const below = files.filter((file) => !/^src\/cli\//.test(file));
    expect(below).toEqual(
      expect.arrayContaining([
        'src/schema/input.ts',
        'src/schema/row.ts',
        'src/open-sqlite.ts',
        'src/codegen/index.ts',
      ]),
    );
    const refused = below.filter((from) =>
      problemsWith(importOf(from, 'src/cli/shell/output.ts')).some((problem) =>
        problem.startsWith(`${from} (`),
      ),
    );
    expect(refused).toEqual(below);
  });

  it.each([
    ['a service that knows its engine', 'src/jobs/job.ts', 'src/engine/sqlite/connection.ts'],
    [
      "a server's engine for users of files",
      'src/engine/sqlite/open.ts',
      'src/engine/postgres/open.ts',
    ],
    [
      'a value of src in a migration',
      'migrations/004_pylon_db_identity.ts',
      'src/migrate/migration.ts',
    ],
    ['anything in errors.ts', 'src/errors.ts', 'src/schema/sql-tokens.ts'],
    ['a driver in a service', 'src/jobs/job.ts', 'better-sqlite3'],
    ['a package that nobody lists', 'src/backup/child.ts', 'left-pad'],
    ['a file of no layer', 'src/backup/child.ts', 'test/temporary.ts'],
  ])('for %s', (_, from, to) => {
    expect(problemsWith(importOf(from, to))).toEqual([
      expect.stringMatching(new RegExp(`^${from} .* (may not import|only types of) ${to}`)),
    ]);
  });

  it('of a value where only types are allowed, and not of a type', () => {
    const asked = ['src/index.ts', 'src/options.ts'] as const;
    expect(problemsWith(importOf(...asked, true))).toEqual([]);
    expect(problemsWith(importOf(...asked))).toEqual([
      'src/index.ts (API) may import only types of src/options.ts (options)',
    ]);
  });

  it('that closes a circle, even of types', () => {
    expect(
      problemsWith(importOf('src/jobs/transitions.ts', 'src/jobs/jobs-service.ts', true)),
    ).toEqual([expect.stringContaining('src/jobs/transitions.ts → src/jobs/jobs-service.ts')]);
  });
});

describe('the list is refused', () => {
  it('when a file has no layer', () => {
    expect(layerProblems(LAYERS, [...files, 'src/stray.ts'], imports)).toEqual([
      'src/stray.ts has no layer',
    ]);
  });

  it('when a layer has no files, or lists one that is not below it', () => {
    const layers = [
      { name: 'low', files: ['src/'], imports: [] },
      { name: 'lowest', files: ['src/x/'], imports: ['low'] },
    ];
    expect(layerProblems(layers, ['src/a.ts'], [])).toEqual([
      'the layer lowest has no files',
      'lowest lists low, which is not a layer below it',
    ]);
  });
});

it('imports of every kind are found', () => {
  const root = temporaryFolder();
  writeFileSync(
    join(root, 'a.ts'),
    [
      "import 'one';",
      "import type { A } from 'two';",
      "export * from '@scope/three/deep.js';",
      "export type { B } from 'four';",
      "type C = import('five').C;",
      "const load = () => { if (x) return import('node:fs'); };",
      "import { type D } from './six.js';",
      "// import 'seven';",
    ].join('\n'),
  );
  writeFileSync(join(root, 'six.ts'), '');
  const found = importsOf(root, 'a.ts').map(({ to, isType }) => [to, isType]);
  expect(found).toEqual([
    ['one', false],
    ['two', true],
    ['@scope/three', false],
    ['four', true],
    ['five', true],
    ['node', false],
    // With `verbatimModuleSyntax` it stays: the file is loaded.
    ['six.ts', false],
  ]);
});
