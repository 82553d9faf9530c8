import { piecesOf } from '../../engine/postgres/sql-pieces.js';
import { toWire, type WireValue } from '../../engine/postgres/values.js';
import { assertGiven, namelessParameter, type QueryParameters } from './parameters.js';
import { assertQuestion, refused, severalStatements } from './read-statement.js';

/** A statement that only asks, as the server takes it. */
export interface ServerQuestion {
  readonly sql: string;
  readonly values: readonly WireValue[];
  readonly words: ReadonlySet<string>;
}

/**
 * What a SELECT could call to act outside of its transaction: on other sessions, on the server's
 * files and settings, on large objects, on other servers. What a role may call at all is the
 * server's to say; these are refused to every role.
 */
const REFUSED_FUNCTIONS = new RegExp(
  `^(?:${[
    'set_config',
    'lo_(?:creat|import|export|unlink|put|open|truncate|from_bytea)\\w*',
    'lowrite',
    'dblink\\w*',
    'pg_(?:terminate|cancel)_backend',
    'pg_(?:try_)?advisory_\\w+',
    'pg_(?:notify|reload_conf|rotate_logfile|promote)',
    'pg_(?:read|file|ls)_\\w+',
    'pg_stat_reset\\w*',
    'pg_(?:switch|create|drop|copy|logical|replication|wal_replay|backup|start|stop)_\\w+',
  ].join('|')})$`,
);

/**
 * Reads the one statement of `sql`. Throws `INVALID_ARGUMENT` unless it is a SELECT, WITH or VALUES
 * whose parameters are those given. The server refuses what would write.
 */
export function serverQuestion(source: string, given: QueryParameters): ServerQuestion {
  if (source.includes('\0')) throw refused('the SQL has a NUL character');
  const { sql, parameters, words, keyword, nameless, isSeveral } = readServerSql(source);
  assertQuestion(keyword);
  if (isSeveral) throw severalStatements();
  const name = words.find((word) => REFUSED_FUNCTIONS.test(word));
  if (name !== undefined) throw refused(`${name} is refused`);
  // Written with escapes, a name can't be recognized.
  if (words.some((word) => word.startsWith('u&"'))) throw refused('U&"…" is refused');
  if (nameless !== undefined) throw namelessParameter(nameless);
  assertGiven(new Set(parameters), given);
  return {
    sql,
    values: parameters.map((parameter) => toWire(given[parameter] ?? null)),
    words: new Set(words),
  };
}

/** What is known of a question before the server has seen it. */
interface ReadSql {
  /** With `$1`, `$2` … for its parameters. */
  readonly sql: string;
  /** The names of `$1`, `$2` … in this order. */
  readonly parameters: readonly string[];
  /** SqlSyntax and names in lower case, those in quotes without them: what isn't text or a comment. */
  readonly words: readonly string[];
  /** The word that it begins with, in upper case; `''` where it begins otherwise. */
  readonly keyword: string;
  /** A parameter that the SQL itself counts: `$1`. */
  readonly nameless: string | undefined;
  /** Whether something stands behind a semicolon. */
  readonly isSeveral: boolean;
}

/** Reads SQL for PostgreSQL: writes `:name` as `$n`, outside of text, quoted names and comments. */
function readServerSql(source: string): ReadSql {
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
