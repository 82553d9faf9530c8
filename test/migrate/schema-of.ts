import type Database from 'better-sqlite3';

/** One object of a schema as `sqlite_master` has it. */
export interface SchemaObject {
  readonly type: string;
  readonly name: string;
  readonly tbl_name: string;
  readonly sql: string | null;
}

/** Everything in `sqlite_master`, SQLite's own objects included, by name. */
export function schemaOf(db: Database.Database): SchemaObject[] {
  return db
    .prepare<[], SchemaObject>(
      'select type, name, tbl_name, sql from sqlite_master order by type, name',
    )
    .all();
}

/** Schema and rows of every table, for telling whether anything at all has changed. */
export function contentsOf(db: Database.Database): Record<string, unknown> {
  const schema = schemaOf(db);
  const tables = schema.filter(({ type, sql }) => type === 'table' && sql !== null);
  const rows = tables.map(({ name }) => [
    name,
    db.prepare(`select * from "${name}" order by 1`).raw().safeIntegers().all(),
  ]);
  return { schema, ...Object.fromEntries(rows) };
}

/** SQL without what carries no meaning: letter case, white space, quotes around plain names. */
export function normalised(sql: string): string {
  return sql.replaceAll(/'[^']*'|"(\w+)"|\s*([(),])\s*|\s+|[^'"\s(),]+/g, (token, name, mark) => {
    if (token.startsWith("'")) return token;
    if (name !== undefined) return String(name).toLowerCase();
    if (mark !== undefined) return mark;
    return /^\s/.test(token) ? ' ' : token.toLowerCase();
  });
}
