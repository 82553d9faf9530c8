import { isMark, isWord, type SqlWord, sqlTokens, tokenizeSql } from '../../schema/sql-tokens.js';
import { keywordOf, type RawStatement, type Refusal, transactionControl } from '../raw-sql.js';
import {
  breaksPublished,
  calledWithNothing,
  changesOurs,
  TEMPORARY,
  wordAt,
  writesLedger,
} from '../refused-sql.js';
import { refusedPragma } from './allowed-pragmas.js';

/** A text without any of these is read no further than its keyword: most, and the longest. */
const SUSPECT =
  /explain|temp|pylon_db_|last_insert_rowid|changes|pragma|alter|drop|vacuum|migrations/i;

/** SQLite says of these whether they only read: a WITH may begin an INSERT. */
const PERHAPS_QUESTIONS: ReadonlySet<string> = new Set(['SELECT', 'WITH', 'VALUES']);

/** What each connection counts for itself; queries use two, and share the one that writes. */
const OF_CONNECTION: ReadonlySet<string> = new Set([
  'last_insert_rowid',
  'changes',
  'total_changes',
]);

/** It may run ANALYZE, out of a SELECT; the other tables that SQLite makes of PRAGMAs only read. */
const OPTIMIZE = 'pragma_optimize';

/** Reads an ad-hoc statement for SQLite. */
export function readRawSql(sql: string): RawStatement {
  const keyword = keywordOf(sqlTokens(sql));
  const asks = PERHAPS_QUESTIONS.has(keyword) ? 'perhaps' : 'no';
  if (!SUSPECT.test(sql)) return { asks, refusal: transactionControl(keyword) };
  const tokens = statementOf(tokenizeSql(sql));
  // Before EXPLAIN too: SQLite acts on some while it compiles them.
  if (wordAt(tokens, 0) === 'pragma') {
    const refusal = refusedPragma(tokens);
    return { asks: refusal === undefined ? 'of the writer' : 'no', refusal };
  }
  if (keyword === 'EXPLAIN') return { asks: 'yes' };
  return {
    asks,
    refusal: transactionControl(keyword) ?? refusedAnywhere(tokens),
    outsideRefusal: refusedOutside(tokens),
  };
}

/** The tokens without leading semicolons and EXPLAIN [QUERY PLAN]. */
function statementOf(tokens: readonly SqlWord[]): readonly SqlWord[] {
  let start = tokens.findIndex((token) => !isMark(token, ';'));
  if (wordAt(tokens, start) === 'explain') start += wordAt(tokens, start + 1) === 'query' ? 3 : 1;
  return tokens.slice(start);
}

function refusedAnywhere(tokens: readonly SqlWord[]): Refusal | undefined {
  if (makesTemporary(tokens)) return TEMPORARY;
  if (tokens.some(({ kind, text }) => kind !== 'string' && text.toLowerCase() === OPTIMIZE)) {
    return {
      problem: `${OPTIMIZE} can't be read by a query`,
      hint: 'ANALYZE as a statement of its own does what it would do.',
    };
  }
  if (wordAt(tokens, 0) === 'vacuum' && tokens.some((token) => isWord(token, 'into'))) {
    return {
      problem: "VACUUM INTO can't be sent as a query",
      hint: 'Everybody could read the copy. Use db.backup, which verifies it, too.',
    };
  }
  return changesOurs(tokens) ?? writesLedger(tokens);
}

/** `create temp table x`, and `create table temp.x`. */
function makesTemporary(tokens: readonly SqlWord[]): boolean {
  if (wordAt(tokens, 0) !== 'create') return false;
  if (['temp', 'temporary'].includes(wordAt(tokens, 1))) return true;
  const dot = tokens.findIndex((token) => isMark(token, '.'));
  const isItsName = ['table', 'index', 'view', 'trigger', 'exists'].includes(
    wordAt(tokens, dot - 2),
  );
  return isItsName && tokens[dot - 1]?.text.toLowerCase() === 'temp';
}

function refusedOutside(tokens: readonly SqlWord[]): Refusal | undefined {
  // In a trigger they count what the trigger itself did.
  const isTrigger = wordAt(tokens, 0) === 'create' && wordAt(tokens, 1) === 'trigger';
  const name = isTrigger ? undefined : calledWithNothing(tokens, OF_CONNECTION);
  if (name === undefined) return breaksPublished(tokens);
  return {
    problem: `${name}() has no meaning outside of a transaction: queries share connections`,
    hint:
      name === 'last_insert_rowid'
        ? 'Take insertId from the result of the insert, or add RETURNING to it.'
        : 'Take numUpdatedRows or numAffectedRows from the result, or add RETURNING to the write.',
  };
}
