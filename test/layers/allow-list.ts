/** Files that may import the same. */
export interface Layer {
  readonly name: string;
  /** Folders, which end in `/`, and files. A file is of the layer that names it most exactly. */
  readonly files: readonly string[];
  /** The layers further down that it may import, next to its own files. */
  readonly imports: readonly string[];
  /** Those of which it may import types only. */
  readonly types?: readonly string[];
  /** Packages; `node` stands for all modules of Node.js. */
  readonly packages?: readonly string[];
  /** Packages of which it may import types only. */
  readonly packageTypes?: readonly string[];
}

/**
 * All layers, each above what it may import. A layer may import only what it lists, and every file
 * is of one. `npm run docs` makes the table in docs/architecture.md from it.
 */
export const LAYERS: readonly Layer[] = [
  {
    name: 'tools',
    files: ['kysely.config.ts'],
    imports: ['codegen', 'named database', 'options', 'migrations', 'migrate'],
    packages: ['kysely', 'tsx'],
  },
  {
    name: 'demo',
    files: ['src/demo/'],
    imports: ['API'],
    packages: ['node'],
  },
  {
    name: 'command line',
    files: ['src/cli/'],
    imports: [
      'PylonDb',
      'named database',
      'backup',
      'options',
      'migrations',
      'migrate',
      'jobs',
      'agents',
      'earnings',
      'SQLite engine',
      'PostgreSQL engine',
      'engine',
      'database URL',
      'schema',
      'generated',
      'errors',
    ],
    types: ['migration contract', 'engine contract'],
    packages: [
      'better-sqlite3',
      'cli-progress',
      'commander',
      'kysely',
      'node',
      'string-width',
      'temporal-polyfill',
    ],
  },
  {
    name: 'API',
    files: ['src/index.ts'],
    imports: ['PylonDb', 'engine contract', 'generated', 'errors'],
    types: ['backup', 'options', 'migration contract', 'jobs', 'agents', 'earnings'],
  },
  {
    name: 'PylonDb',
    files: ['src/pylon-db.ts'],
    imports: [
      'opening',
      'backup',
      'options',
      'jobs',
      'agents',
      'earnings',
      'SQLite engine',
      'database URL',
      'schema',
    ],
    types: ['engine contract', 'generated'],
    packageTypes: ['kysely'],
  },
  {
    name: 'opening',
    files: ['src/open-sqlite.ts', 'src/open-postgres.ts', 'src/keep-schema.ts'],
    imports: [
      'backup',
      'options',
      'migrations',
      'migrate',
      'SQLite engine',
      'PostgreSQL engine',
      'database URL',
      'errors',
    ],
    types: ['migration contract'],
    packages: ['better-sqlite3', 'node'],
  },
  {
    name: 'codegen',
    files: ['src/codegen/'],
    imports: [
      'named database',
      'options',
      'migrations',
      'SQLite engine',
      'PostgreSQL engine',
      'database URL',
      'schema',
      'errors',
    ],
    packages: ['better-sqlite3', 'kysely', 'kysely-codegen', 'node', 'pg'],
  },
  {
    name: 'named database',
    files: ['src/named-database.ts'],
    imports: ['SQLite engine', 'database URL', 'errors'],
  },
  {
    name: 'backup',
    files: ['src/backup/'],
    imports: ['options', 'migrations', 'migrate', 'SQLite engine', 'engine', 'schema', 'errors'],
    types: ['migration contract', 'engine contract'],
    packages: ['better-sqlite3', 'kysely', 'node'],
  },
  {
    name: 'options',
    files: ['src/options.ts'],
    imports: ['migrate', 'schema', 'errors'],
    types: ['migration contract', 'engine contract'],
  },
  {
    name: 'jobs',
    files: ['src/jobs/'],
    imports: ['earnings', 'engine contract', 'rows', 'schema', 'generated', 'errors'],
    packages: ['kysely'],
  },
  {
    name: 'agents',
    files: ['src/agents/'],
    imports: ['engine contract', 'rows', 'schema', 'generated', 'errors'],
    packages: ['kysely'],
  },
  {
    name: 'earnings',
    files: ['src/earnings/'],
    imports: ['engine contract', 'rows', 'schema', 'generated', 'errors'],
    packages: ['kysely', 'temporal-polyfill'],
  },
  {
    name: 'migrations',
    files: ['migrations/'],
    imports: [],
    types: ['migration contract'],
    packages: ['kysely'],
  },
  {
    name: 'migrate',
    files: ['src/migrate/'],
    imports: [
      'SQLite engine',
      'PostgreSQL engine',
      'engine',
      'rows',
      'schema',
      'generated',
      'errors',
    ],
    types: ['migration contract'],
    packages: ['better-sqlite3', 'kysely', 'node', 'umzug'],
  },
  {
    name: 'migration contract',
    files: ['src/migrate/migration.ts'],
    imports: [],
    packageTypes: ['kysely'],
  },
  {
    name: 'SQLite engine',
    files: ['src/engine/sqlite/'],
    imports: ['engine', 'engine contract', 'schema', 'errors'],
    types: ['generated'],
    packages: ['better-sqlite3', 'kysely', 'node'],
  },
  {
    name: 'PostgreSQL engine',
    files: ['src/engine/postgres/'],
    imports: ['engine', 'engine contract', 'schema', 'errors'],
    types: ['generated'],
    packages: ['kysely', 'node', 'pg'],
  },
  {
    name: 'engine',
    files: ['src/engine/'],
    imports: ['engine contract', 'schema', 'errors'],
    types: ['generated'],
    packages: ['kysely', 'node'],
  },
  {
    name: 'rows',
    files: ['src/schema/row.ts', 'src/schema/row-types.ts', 'src/schema/plain-row.ts'],
    imports: ['schema', 'errors'],
    types: ['engine contract'],
    packages: ['kysely'],
  },
  {
    name: 'engine contract',
    files: [
      'src/engine/engine.ts',
      'src/engine/prepared.ts',
      'src/engine/refusals.ts',
      'src/engine/sql-syntax.ts',
      'src/engine/typed-query.ts',
    ],
    imports: ['errors'],
    types: ['schema', 'generated'],
    packages: ['kysely'],
  },
  { name: 'database URL', files: ['src/database-url.ts'], imports: ['errors'] },
  {
    name: 'schema',
    files: ['src/schema/'],
    imports: ['generated', 'errors'],
    packageTypes: ['kysely'],
  },
  { name: 'generated', files: ['generated/'], imports: [], packageTypes: ['kysely'] },
  { name: 'errors', files: ['src/errors.ts'], imports: [] },
];
