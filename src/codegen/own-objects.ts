import Database from 'better-sqlite3';
import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteDialect,
} from 'kysely';
import { migrations } from '../../migrations/index.js';

// The migrations' own Kysely, as `temporary-database.ts` runs them: the runner would refuse to
// migrate before codegen could show what changed.

const HEADER = `// Generated from the migrations; do not edit. After a migration: npm run codegen

/** An object that our migrations make on a published table, or for ourselves. */
export interface OwnObject {
  readonly type: 'table' | 'index' | 'trigger' | 'view' | 'function';
  readonly name: string;
  /** The table that it stands on: itself, for a table or a view. */
  readonly table: string;
  /** The migration that makes it. */
  readonly migration: string;
  readonly sql: string;
  /** What fills a table that was made just now. */
  readonly fill?: string;
}
`;

interface OwnObject {
  readonly type: string;
  readonly name: string;
  readonly table: string;
  readonly migration: string;
  readonly sql: string;
  readonly fill?: string;
}

/** The module that names every index, trigger, table and view of ours, with the SQL that makes it. */
export async function generateOwnObjects(): Promise<string> {
  return [
    HEADER,
    '/** On SQLite, as `sqlite_master` has them. */',
    constant('OWN_OBJECTS', await ownObjectsOfFile()),
    '',
    '/** On PostgreSQL, as the migrations make them. */',
    constant('OWN_SERVER_OBJECTS', await ownObjectsOfServer()),
    '',
  ].join('\n');
}

/** Tables before what stands on them, so that they can be made in this order. */
async function ownObjectsOfFile(): Promise<OwnObject[]> {
  const database = new Database(':memory:');
  const statements: string[] = [];
  const kysely = new Kysely<unknown>({
    dialect: new SqliteDialect({ database }),
    log: ({ query }) => {
      statements.push(query.sql.trim());
    },
  });
  const made = new Map<string, OwnObject>();
  try {
    for (const [migration, load] of Object.entries(migrations)) {
      await (await load()).up({ name: migration, context: kysely, engine: 'sqlite' });
      const live = database
        .prepare<[], Omit<OwnObject, 'migration'>>(
          `select type, name, tbl_name as "table", sql from sqlite_master
           where sql is not null and (name like 'pylon\\_db\\_%' escape '\\' or type = 'index')
           order by case type when 'table' then 1 when 'index' then 2 else 3 end, name`,
        )
        .all();
      const before = new Map(made);
      made.clear();
      const fills = fillsOf(statements.splice(0));
      for (const object of live) {
        const known = before.get(object.name);
        const isSame = known?.sql === object.sql && known.table === object.table;
        const fill = object.type === 'table' ? fills.get(object.name) : undefined;
        const filled = fill === undefined ? {} : { fill };
        made.set(object.name, isSame ? known : { ...object, migration, ...filled });
      }
    }
  } finally {
    await kysely.destroy();
  }
  return [...made.values()];
}

const CREATED =
  /^\s*create (?:or replace )?(?<type>table|index|view|function) "?(?<name>\w+)"?(?: on "?(?<table>\w+)"?)?/i;
const DROPPED = /^\s*drop (?:table|index|view) "?(?<name>\w+)"?/i;

/** A trigger in the body of the function that makes it, and that the migration then calls. */
const TRIGGER = /^\s*create trigger (?<name>\w+) after \w+ on (?<table>\w+)/gim;

/** Read from the statements, without a server. */
async function ownObjectsOfServer(): Promise<OwnObject[]> {
  const statements: string[] = [];
  const kysely = new Kysely<unknown>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
    log: ({ query }) => {
      statements.push(query.sql);
    },
  });
  const made = new Map<string, OwnObject>();
  for (const [migration, load] of Object.entries(migrations)) {
    await (await load()).up({ name: migration, context: kysely, engine: 'postgres' });
    const run = statements.splice(0);
    const fills = fillsOf(run);
    for (const sql of run) {
      const dropped = DROPPED.exec(sql)?.groups?.['name'];
      if (dropped !== undefined) made.delete(dropped);
      const { type, name, table } = CREATED.exec(sql)?.groups ?? {};
      if (type === undefined || name === undefined) continue;
      // The published tables hold everybody's rows: those of a lost one are in no migration.
      if (type.toLowerCase() === 'table' && !name.startsWith('pylon_db_')) continue;
      const fill = type.toLowerCase() === 'table' ? fills.get(name) : undefined;
      // One that is made anew stands on what was made before it.
      made.delete(name);
      made.set(name, {
        type: type.toLowerCase(),
        name,
        table: table ?? name,
        migration,
        sql: sql.trim(),
        ...(fill === undefined ? {} : { fill }),
      });
      if (type.toLowerCase() !== 'function') continue;
      for (const { groups } of sql.matchAll(TRIGGER)) {
        const { name: trigger = '', table: on = '' } = groups ?? {};
        const own = {
          type: 'trigger',
          name: trigger,
          table: on,
          migration,
          sql: `select ${name}()`,
        };
        made.set(`trigger ${trigger}`, own);
      }
    }
  }
  return [...made.values()];
}

/** By its table, what fills one that was made just now. */
function fillsOf(statements: readonly string[]): ReadonlyMap<string | undefined, string> {
  return new Map(statements.map((sql) => [/^\s*insert into "?(\w+)/i.exec(sql)?.[1], sql.trim()]));
}

function constant(name: string, objects: readonly OwnObject[]): string {
  const lines = objects.map(
    ({ type, name, table, migration, sql, fill }) =>
      `  {\n    type: '${type}',\n    name: '${name}',\n    table: '${table}',\n    migration: '${migration}',\n    sql: ${quoted(sql)},\n${fill === undefined ? '' : `    fill: ${quoted(fill)},\n`}  },`,
  );
  return `export const ${name}: readonly OwnObject[] = [\n${lines.join('\n')}\n];`;
}

/** Lines stay lines, so that a diff names the one that changed. */
function quoted(sql: string): string {
  if (!sql.includes('\n') && !sql.includes("'")) return `'${sql}'`;
  return `\`${sql.replaceAll(/[\\`]|\$\{/g, (mark) => `\\${mark}`)}\``;
}
