import { piecesOf } from '../../engine/postgres/sql-pieces.js';

/** What is known of a question before the server has seen it. */
export interface ReadSql {
  /** With `$1`, `$2` … for its parameters. */
  readonly sql: string;
  /** The names of `$1`, `$2` … in this order. */
  readonly parameters: readonly string[];
  /** Words and names in lower case, those in quotes without them: what isn't text or a comment. */
  readonly words: readonly string[];
  /** The word that it begins with, in upper case; `''` where it begins otherwise. */
  readonly keyword: string;
  /** A parameter that the SQL itself counts: `$1`. */
  readonly nameless: string | undefined;
  /** Whether something stands behind a semicolon. */
  readonly isSeveral: boolean;
}

/** Reads SQL for PostgreSQL: writes `:name` as `$n`, outside of text, quoted names and comments. */
export function readServerSql(source: string): ReadSql {
  const parameters: string[] = [];
  const words: string[] = [];
  let sql = '';
  let nameless: string | undefined;
  let keyword: string | undefined;
  let hasEnded = false;
  let isSeveral = false;
  for (const piece of piecesOf(source)) {
    if (piece.kind !== 'blank') keyword ??= piece.kind === 'word' ? piece.sql.toUpperCase() : '';
    if (piece.kind === 'end') hasEnded = true;
    else if (piece.kind !== 'blank' && hasEnded) isSeveral = true;
    if (piece.kind === 'parameter') {
      if (!parameters.includes(piece.sql)) parameters.push(piece.sql);
      sql += `$${parameters.indexOf(piece.sql) + 1}`;
      continue;
    }
    if (piece.kind === 'word') words.push(piece.sql.toLowerCase());
    if (piece.kind === 'name') words.push(piece.sql.toLowerCase().replace(/^"|"$/g, ''));
    if (piece.kind === 'nameless') nameless ??= piece.sql;
    sql += piece.sql;
  }
  return { sql, parameters, words, keyword: keyword ?? '', nameless, isSeveral };
}
