import type Database from 'better-sqlite3';
import { tableDefinitions, tokenizeSql } from '../schema/sql-tokens.js';

const HEADER = `-- Generated from the database schema; do not edit. After a migration: npm run codegen
`;

interface SchemaObject {
  readonly tableName: string;
  readonly sql: string;
}

/**
 * Every table, index, view and trigger of the database as SQL that makes it again: table by table
 * in the order of their names, each followed by its indexes and triggers.
 */
export function dumpSchema(database: Database.Database): string {
  const objects = database
    .prepare<[], SchemaObject>(
      `select tbl_name as tableName, sql from sqlite_master
       where sql is not null and name not like 'sqlite\\_%' escape '\\'
       order by tbl_name, case type when 'table' then 1 when 'view' then 1 when 'index' then 2 else 3 end, name`,
    )
    .all();
  let dump = HEADER;
  let table: string | undefined;
  for (const { tableName, sql } of objects) {
    if (tableName !== table) dump += '\n';
    table = tableName;
    dump += `${onePerLine(sql)};\n`;
  }
  return dump;
}

/** A CREATE TABLE of one line with each column on a line of its own, so that a diff names it. */
function onePerLine(sql: string): string {
  const definitions = sql.includes('\n') ? [] : tableDefinitions(tokenizeSql(sql));
  const first = definitions[0]?.[0];
  const last = definitions.at(-1)?.at(-1);
  if (first === undefined || last === undefined) return sql;
  const lines = definitions.map(
    (definition) => `  ${sql.slice(definition[0]?.start, definition.at(-1)?.end)}`,
  );
  return `${sql.slice(0, first.start)}\n${lines.join(',\n')}\n${sql.slice(last.end)}`;
}
