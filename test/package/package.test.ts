import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  codeBlocks,
  commands,
  documentedFiles,
  PROJECT,
  readProject,
  sourceFiles,
} from '../docs/markdown.js';
import { type Outcome, ServiceProject } from '../docs/service-project.js';
import { temporaryFolder } from '../temporary.js';
import { PackedPackage } from './packed.js';

const folder = mkdtempSync(join(tmpdir(), 'pylon-db-packed-'));
let packed: PackedPackage;
beforeAll(() => {
  packed = new PackedPackage(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const DOCUMENTS_WITH_CODE = [
  'README.md',
  'docs/errors.md',
  'docs/migrations.md',
  'docs/own-tables.md',
  'docs/fleet.md',
];

function serviceWithPackage(): ServiceProject {
  const service = new ServiceProject(temporaryFolder());
  packed.installIn(service.folder);
  return service;
}

/** What tsc says about the service and our types, declarations of other packages left out. */
function typeErrors(service: ServiceProject): string[] {
  const lines = service.run('tsc').stdout.split('\n');
  return lines.filter((line) =>
    /^(src|migrations|[\w.]+\.ts|node_modules\/pylon-db)\b.*: error /.test(line),
  );
}

function succeeded(outcome: Outcome): string {
  expect(outcome).toMatchObject({ exitCode: 0, stderr: '' });
  return outcome.stdout;
}

/** The packages that a bundled module imports, static or lazily. */
function importedPackages(module: string): string[] {
  const specifiers = module.matchAll(/(?:^import |\bfrom |\bimport\()["']([@a-z][\w@./:-]*)["']/gm);
  return [...specifiers].flatMap(([, specifier = '']) =>
    isBuiltin(specifier) ? [] : specifier.split('/', 1),
  );
}

describe('the packed files', () => {
  it('are the build and its papers, without sources and tests', () => {
    const files = packed.files();
    expect(files).toEqual(
      expect.arrayContaining([
        'CHANGELOG.md',
        'LICENSE',
        'README.md',
        'dist/LICENSES.txt',
        'dist/cli.js',
        'dist/codegen.js',
        'dist/index.js',
        'dist/types/src/index.d.ts',
        'generated/schema.sql',
        'package.json',
      ]),
    );
    const allowed =
      /^(dist\/.*\.js|dist\/LICENSES\.txt|dist\/types\/.*\.d\.ts|[\w]+\.md|LICENSE|package\.json)$/;
    const others = files.filter((file) => !allowed.test(file));
    expect(others).toEqual(['generated/schema.sql']);
    expect(files.filter((file) => /\b(tests?|fixtures|bench|demo)\b/.test(file))).toEqual([]);
  });

  it("name no folder of the builder's machine", () => {
    const folders = [PROJECT, folder, homedir(), tmpdir()].map((path) => path.replace(/\/$/, ''));
    const naming = packed
      .files()
      .filter((file) => folders.some((path) => packed.read(file).includes(`${path}/`)));
    expect(naming).toEqual([]);
  });
});

describe('the dependencies', () => {
  it('are Kysely, better-sqlite3 and Umzug, and nothing else is imported', () => {
    const { dependencies, peerDependencies } = packed.manifest;
    expect(Object.keys(dependencies)).toEqual(['better-sqlite3', 'kysely', 'umzug']);
    // The templates of migrations import pylon-db.
    const installed = [...Object.keys({ ...dependencies, ...peerDependencies }), 'pylon-db'];
    const imported = packed
      .files()
      .filter((file) => /^dist\/(?!types\/).*\.js$/.test(file))
      .flatMap((file) => importedPackages(packed.read(file)));
    expect(new Set(imported)).toContain('umzug');
    expect(imported.filter((name) => !installed.includes(name))).toEqual([]);
  });

  it('that are bundled come with their licences', () => {
    const licences = packed.read('dist/LICENSES.txt');
    for (const name of [
      'commander',
      'cli-progress',
      'kysely',
      'string-width',
      'temporal-polyfill',
    ]) {
      expect(licences).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+$`, 'm'));
    }
    expect(licences.match(/Permission is hereby granted/g)?.length).toBe(
      licences.match(/^[a-z-]+ \d+\.\d+\.\d+$/gm)?.length,
    );
  });

  it('are all that a service and the command need', () => {
    const service = new ServiceProject(temporaryFolder());
    packed.installIn(service.folder, Object.keys(packed.manifest.dependencies));
    service.write(
      'main.js',
      `import { PylonDb } from 'pylon-db';
       const db = await PylonDb.open('node.db');
       await db.earnings.record({ id: 'e1', amount_msats: 5, source: 'tip', earned_at: 1767222000 });
       const [day] = await db.earnings.rollup({ by: 'day', timeZone: 'Europe/Berlin' });
       console.log(new Date(day.bucket_start * 1000).toISOString());
       await db.close();`,
    );
    expect(succeeded(service.run('node', 'main.js'))).toBe('2025-12-31T23:00:00.000Z\n');
    const days = service.run('pylon-db', 'earnings', '--by', 'day', '--db', 'node.db', '--quiet');
    expect(succeeded(days)).toContain('2025-12-31');
    succeeded(service.run('pylon-db', 'check', '--db', 'node.db', '--quiet'));
  });
});

describe('a service with the package', () => {
  it('stores and reads a job', () => {
    const service = serviceWithPackage();
    service.write(
      'main.js',
      `import { PylonDb } from 'pylon-db';
       const db = await PylonDb.open('node.db');
       await db.jobs.create({ id: 'event123', kind: 5100, customer_pubkey: 'abc123' });
       console.log((await db.jobs.get('event123')).status);
       await db.close();`,
    );
    expect(succeeded(service.run('node', 'main.js'))).toBe('pending\n');
    const file = new Database(join(service.folder, 'node.db'), { readonly: true });
    expect(file.prepare('select id, kind from jobs').all()).toEqual([
      { id: 'event123', kind: 5100 },
    ]);
    file.close();
  });

  it('opens an up-to-date file without loading Umzug, pg, or what only other calls need', () => {
    const service = serviceWithPackage();
    service.write(
      'open.js',
      `import { PylonDb } from 'pylon-db';
       const db = await PylonDb.open(process.argv[2]);
       await db.jobs.countByStatus();
       await db.close();`,
    );
    succeeded(service.run('node', 'open.js', 'node.db'));
    for (const name of ['umzug', 'kysely-codegen', 'pg']) {
      rmSync(join(service.folder, 'node_modules', name));
    }
    const dist = join(service.folder, 'node_modules/pylon-db/dist');
    // Not one of the calendar, the terminal, a server, backups: only what an opened database is.
    const needed = /^(index\.js|common-.*\.js|library-.*\.js)$/;
    const others = readdirSync(dist).filter((file) => file.endsWith('.js') && !needed.test(file));
    expect(others).toContainEqual(expect.stringMatching(/^temporal-polyfill-/));
    for (const file of others) rmSync(join(dist, file));
    succeeded(service.run('node', 'open.js', 'node.db'));
    // A new file needs Umzug: it is really gone.
    const { exitCode, stderr } = service.run('node', 'open.js', 'new.db');
    expect(stderr).toContain('ERR_MODULE_NOT_FOUND');
    expect(exitCode).toBe(1);
  });

  it('without pg says how to get the driver of a server', () => {
    const service = serviceWithPackage();
    rmSync(join(service.folder, 'node_modules', 'pg'));
    service.write(
      'server.js',
      `import { PylonDb } from 'pylon-db';
       const error = await PylonDb.open('postgres://host/db').catch((error) => error);
       console.log(error.code, error.hint);`,
    );
    expect(succeeded(service.run('node', 'server.js'))).toBe(
      'NOT_SUPPORTED Install it next to pylon-db: npm install pg@8\n',
    );
  });

  it('runs the command pylon-db', () => {
    const service = serviceWithPackage();
    succeeded(service.run('pylon-db', 'migrate', 'up', '--quiet', '--db', 'node.db'));
    const info = JSON.parse(
      succeeded(service.run('pylon-db', 'info', '--db', 'node.db', '--json')),
    );
    expect(info).toMatchObject({ path: join(service.folder, 'node.db') });
    const { version } = JSON.parse(readProject('package.json')) as { version: string };
    expect(succeeded(service.run('pylon-db', '--version'))).toBe(`${version}\n`);
  });
});

describe("docs/migrations.md's example", () => {
  it("works from the packed package, its types regenerated; all documents' code passes a strict type check", () => {
    const service = serviceWithPackage();
    const document = codeBlocks(readProject('docs/migrations.md'));
    const blocks = document.filter(({ heading }) => heading === 'Add a migration of your own');
    const files = sourceFiles(blocks);
    const [create = '', codegen = ''] = commands(blocks);
    const npx = (line: string) => service.run('npx', '--no-install', ...line.split(' ').slice(1));

    expect(create).toMatch(/^npx pylon-db migrate create /);
    expect(npx(create).exitCode).toBe(0);
    const list = readFileSync(join(service.folder, 'migrations/index.ts'), 'utf8');
    const [migration] = files;
    expect(list).toContain(migration?.path.replace('migrations/', './').replace('.ts', '.js'));
    expect(readFileSync(join(service.folder, migration?.path ?? ''), 'utf8')).toContain('async');

    service.writeAll(files);
    expect(codegen).toMatch(/^npx tsx /);
    expect(npx(codegen).exitCode).toBe(0);
    const urgent = files.find(({ prints }) => prints !== undefined);
    expect(succeeded(service.run('tsx', urgent?.path ?? ''))).toBe(urgent?.prints);

    const up = commands(document).find((line) => line.includes(' migrate up --migrations ')) ?? '';
    expect(up).toMatch(/^npx tsx /);
    expect(npx(up.replace('migrate up', 'migrate status')).stdout).toMatch(
      /^002_add_priority .* this service$/m,
    );

    service.write(
      'codegen.config.ts',
      `import { pylonCodegenConfig } from 'pylon-db/codegen';
       export default pylonCodegenConfig({ url: 'node.db', outFile: 'src/again.ts' });`,
    );
    expect(service.run('kysely-codegen', '--config-file', 'codegen.config.ts').exitCode).toBe(0);
    const generated = ['src/database.ts', 'src/again.ts'].map((file) =>
      readFileSync(join(service.folder, file), 'utf8'),
    );
    expect(generated[0]).toContain('priority: Generated<number | null>;');
    expect(generated[1]).toBe(generated[0]);

    const shown = documentedFiles(...DOCUMENTS_WITH_CODE);
    service.writeAll(shown);
    // With the tables of all documents' migrations.
    expect(npx(codegen).exitCode).toBe(0);
    const [example] = shown;
    service.write('src/wrong.ts', (urgent?.text ?? '').replaceAll("'priority'", "'prority'"));
    const price = example?.text.replace('price_msats: 5000', "price_msats: '5000'") ?? '';
    service.write('src/wrong-price.ts', price);
    const errors = typeErrors(service);
    // The wrong files alone: the check can fail, and the documents pass it.
    expect(new Set(errors.map((line) => line.split('(', 1)[0]))).toEqual(
      new Set(['src/wrong.ts', 'src/wrong-price.ts']),
    );
    expect(errors.join('\n')).toMatch(/wrong-price\.ts.*'string' is not assignable .*'number'\./);
  });
});
