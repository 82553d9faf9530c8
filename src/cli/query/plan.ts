import { visible } from '../shell/terminal-text.js';
import type { QueryValue } from './read-statement.js';

/** A server's plan, which it draws itself: a row a line. */
export function planLines(rows: readonly QueryValue[][]): string {
  return rows.map(([line = null]) => visible(String(line))).join('\n');
}

/** SQLite's plan, rows of `id, parent, notused, detail`, with each step under its parent. */
export function planTree(rows: readonly QueryValue[][]): string {
  const depths = new Map<QueryValue, number>();
  return rows
    .map(([id = null, parent = null, , detail = null]) => {
      const depth = (depths.get(parent) ?? -1) + 1;
      depths.set(id, depth);
      return '  '.repeat(depth) + visible(String(detail));
    })
    .join('\n');
}
