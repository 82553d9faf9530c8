import { toWire, type WireValue } from '../../engine/postgres/values.js';
import { assertGiven, namelessParameter, type QueryParameters } from './parameters.js';
import { assertQuestion, refused, severalStatements } from './read-statement.js';
import { readServerSql } from './server-sql.js';

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
