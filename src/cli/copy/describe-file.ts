import type Database from 'better-sqlite3';
import type { Described, DescribedColumn } from './sides.js';

/** The tables of a file. */
export function describeFile(db: Database.Database): Described {
  const tables = db
    .prepare<[], { name: string; type: string; wr: number }>(
      `select m.name, l.type, l.wr from sqlite_master m
       join pragma_table_list l on l.name = m.name and l.schema = 'main'
       where m.type = 'table' and m.name not like 'sqlite\\_%' escape '\\'
       and m.name not like 'pylon\\_db\\_%' escape '\\' and m.name <> 'migrations' order by m.name`,
    )
    .all();
  return new Map(
    tables.map(({ name, type, wr }) => {
      // Columns of a virtual table are only known where its module is.
      if (type !== 'table') {
        return [name, { columns: [], key: '', references: [], obstacle: `is a ${type} table` }];
      }
      const columns = columnsOf(db, name);
      const obstacle = wr === 1 ? { obstacle: 'is WITHOUT ROWID' } : {};
      return [name, { ...columns, references: referencesOf(db, name), ...obstacle }];
    }),
  );
}

function columnsOf(db: Database.Database, table: string) {
  const found = db
    .prepare<[string], { name: string; type: string; pk: number; hidden: number }>(
      "select name, type, pk, hidden from pragma_table_xinfo(?, 'main')",
    )
    .all(table);
  const keys = found.filter(({ pk }) => pk > 0);
  return {
    key: (keys.length === 1 ? keys : found)[0]?.name ?? '',
    columns: found.map(
      ({ name, type, hidden }): DescribedColumn => ({
        name,
        kind: kindOf(type.toUpperCase()),
        isComputed: hidden > 1,
      }),
    ),
  };
}

/** By SQLite's rules of affinity, in their order. */
function kindOf(type: string): DescribedColumn['kind'] {
  if (type.includes('INT')) return 'integer';
  if (/CHAR|CLOB|TEXT/.test(type)) return 'text';
  if (/REAL|FLOA|DOUB/.test(type)) return 'real';
  if (type === 'BLOB') return 'blob';
  return type === 'BOOLEAN' ? 'boolean' : 'any';
}

function referencesOf(db: Database.Database, table: string): string[] {
  return db
    .prepare<[string], string>(`select distinct "table" from pragma_foreign_key_list(?, 'main')`)
    .pluck()
    .all(table);
}
