import { closingIndex, isMark, type SqlWord } from '../../schema/sql-tokens.js';
import { keywordOf, type RawStatement, type Refusal, transactionControl } from '../raw-sql.js';
import {
  breaksPublished,
  calledWithNothing,
  changesOurs,
  isCallOf,
  TEMPORARY,
  wordAt,
  writesLedger,
} from '../refused-sql.js';
import { serverTokens } from './sql-pieces.js';

/** A text without any of these is read no further than its keyword: most, and the longest. */
const SUSPECT =
  /explain|temp|pylon_db_|lastval|currval|set_config|advisory|hold|into|update|delete|merge|copy|alter|drop|migrations/i;

const QUESTIONS: ReadonlySet<string> = new Set(['SELECT', 'WITH', 'VALUES', 'TABLE', 'SHOW']);

const LASTVAL: ReadonlySet<string> = new Set(['lastval']);

/** What each connection keeps for itself; queries use several. */
const OF_CONNECTION: ReadonlySet<string> = new Set(['currval', 'set_config']);

/** Locks that outlive their transaction: nobody could release them on the same connection. */
const SESSION_LOCKS: ReadonlySet<string> = new Set([
  ...['pg_advisory_lock', 'pg_advisory_lock_shared', 'pg_advisory_unlock'],
  ...['pg_try_advisory_lock', 'pg_try_advisory_lock_shared', 'pg_advisory_unlock_shared'],
  'pg_advisory_unlock_all',
]);

/** Before a name with parentheses they make it a table with its columns. */
const BEFORE_TABLES: ReadonlySet<string> = new Set([
  ...['into', 'table', 'exists', 'references', 'on', 'only', 'with', 'recursive', 'view'],
]);

/** Reads an ad-hoc statement for PostgreSQL. */
export function readRawSql(sql: string): RawStatement {
  const keyword = questionKeyword(serverTokens(sql));
  if (!SUSPECT.test(sql)) {
    const asks = QUESTIONS.has(keyword) ? 'yes' : 'no';
    return { asks, refusal: transactionControl(keyword) };
  }
  const all = [...serverTokens(sql)];
  const start = all.findIndex((token) => !isMark(token, ';') && !isMark(token, '('));
  const explained = keyword === 'EXPLAIN' ? explainedAt(all, start) : undefined;
  const tokens = all.slice(explained?.start ?? start);
  const asks =
    explained === undefined
      ? QUESTIONS.has(keyword) && !tokens.some((_, i) => writesAt(tokens, i))
      : !explained.runs || !tokens.some((_, i) => writesAt(tokens, i));
  return {
    asks: asks ? 'yes' : 'no',
    refusal: transactionControl(keyword) ?? refusedAnywhere(tokens),
    outsideRefusal: refusedOutside(tokens),
  };
}

/** The keyword, also of `(select …) union (select …)`. */
function questionKeyword(tokens: Iterable<SqlWord>): string {
  for (const token of tokens) {
    if (!isMark(token, '(')) return isMark(token, ';') ? keywordOf(tokens) : keywordOf([token]);
  }
  return '';
}

/** Where the statement behind EXPLAIN stands, and whether EXPLAIN runs it. */
function explainedAt(tokens: readonly SqlWord[], start: number) {
  let at = start + 1;
  let runs = false;
  if (isMark(tokens[at], '(')) {
    const end = closingIndex(tokens, at);
    runs = tokens.slice(at, end).some((_, i) => isAnalyze(wordAt(tokens, at + i)));
    at = end + 1;
  }
  for (; isAnalyze(wordAt(tokens, at)) || wordAt(tokens, at) === 'verbose'; at++) {
    runs ||= isAnalyze(wordAt(tokens, at));
  }
  return { start: at, runs };
}

function isAnalyze(word: string): boolean {
  return word === 'analyze' || word === 'analyse';
}

/** Whether what begins at `index` writes, or locks rows: which a question may hold. */
function writesAt(tokens: readonly SqlWord[], index: number): boolean {
  const next = wordAt(tokens, index + 1);
  switch (wordAt(tokens, index)) {
    case 'into':
      return true;
    case 'delete':
      return next === 'from';
    case 'update': {
      const before = wordAt(tokens, index - 1);
      if (before === 'for' || before === 'key') return true;
      const isName = tokens[index + 1]?.kind === 'name' || next !== '';
      return isName && next !== 'from' && next !== 'as';
    }
    default:
      return false;
  }
}

/** Statements that may change the schema, some of them by what they run. */
const SCHEMA_CHANGES: ReadonlySet<string> = new Set(['CREATE', 'ALTER', 'DROP', 'DO', 'CALL']);

/** Whether an ad-hoc statement may change the schema. */
export function mayChangeSchema(sql: string): boolean {
  return SCHEMA_CHANGES.has(keywordOf(serverTokens(sql)));
}

function refusedAnywhere(tokens: readonly SqlWord[]): Refusal | undefined {
  if (makesTemporary(tokens)) return TEMPORARY;
  if (holdsCursor(tokens)) return HELD_CURSOR;
  if (copiesByClient(tokens)) return COPY_BY_CLIENT;
  const name = calledFunction(tokens, SESSION_LOCKS);
  if (name === undefined) return changesOurs(tokens) ?? writesLedger(tokens);
  return {
    problem: `${name} can't be called by a query`,
    hint: 'Its lock would stay on one of several connections. Use pg_advisory_xact_lock in db.transaction.',
  };
}

/** `declare c cursor with hold for select …`: it outlives its transaction, on one connection. */
function holdsCursor(tokens: readonly SqlWord[]): boolean {
  const hold = tokens.findIndex((_, i) => wordAt(tokens, i) === 'hold');
  return wordAt(tokens, 0) === 'declare' && wordAt(tokens, hold - 1) === 'with';
}

const HELD_CURSOR: Refusal = {
  problem: "a cursor WITH HOLD can't be declared by a query",
  hint: 'It would stay on one of several connections. Leave WITH HOLD out, in db.transaction.',
};

const COPY_BY_CLIENT: Refusal = {
  problem: "COPY … FROM STDIN and TO STDOUT can't be sent as a query",
  hint: 'Their rows travel outside the query, and the connection would wait for them. Insert or select the rows, or use psql.',
};

/** `copy t from stdin`, `copy (select …) to stdout`: also with BINARY and options behind. */
function copiesByClient(tokens: readonly SqlWord[]): boolean {
  if (wordAt(tokens, 0) !== 'copy') return false;
  return tokens.some((_, i) => {
    const before = wordAt(tokens, i - 1);
    return (
      (before === 'from' && wordAt(tokens, i) === 'stdin') ||
      (before === 'to' && wordAt(tokens, i) === 'stdout')
    );
  });
}

/** `create local temp table x`, `create table pg_temp.x`, `select … into temp x`. */
function makesTemporary(tokens: readonly SqlWord[]): boolean {
  const creates = wordAt(tokens, 0) === 'create';
  if (creates) {
    let at = 1;
    while (BEFORE_TEMP.has(wordAt(tokens, at))) at += 1;
    if (isTemporary(tokens, at)) return true;
  }
  return tokens.some((token, i) => {
    const before = wordAt(tokens, i - 1);
    if (isMark(tokens[i + 1], '.') && token.text.toLowerCase() === 'pg_temp') {
      return before === 'into' || (creates && MADE.has(before));
    }
    if (before !== 'into' || wordAt(tokens, i - 2) === 'insert') return false;
    return isTemporary(tokens, i) && !isMark(tokens[i + 1], '.') && isNamed(tokens, i + 1);
  });
}

const BEFORE_TEMP: ReadonlySet<string> = new Set(['or', 'replace', 'global', 'local']);
const MADE: ReadonlySet<string> = new Set(['table', 'view', 'sequence', 'exists', 'function']);

function isTemporary(tokens: readonly SqlWord[], index: number): boolean {
  return ['temp', 'temporary'].includes(wordAt(tokens, index));
}

function isNamed(tokens: readonly SqlWord[], index: number): boolean {
  return tokens[index]?.kind === 'name' || !['', 'from', 'where'].includes(wordAt(tokens, index));
}

function refusedOutside(tokens: readonly SqlWord[]): Refusal | undefined {
  const name = calledWithNothing(tokens, LASTVAL) ?? calledFunction(tokens, OF_CONNECTION);
  if (name === undefined) return breaksPublished(tokens);
  return {
    problem: `${name}() has no meaning outside of a transaction: queries share connections`,
    hint:
      name === 'set_config'
        ? 'Call it in db.transaction with true as its last argument.'
        : 'Add RETURNING to the insert, which gives the key that was made.',
  };
}

function calledFunction(
  tokens: readonly SqlWord[],
  names: ReadonlySet<string>,
): string | undefined {
  const call = tokens.findIndex(
    (_, i) => isCallOf(tokens, i, names) && !BEFORE_TABLES.has(wordAt(tokens, i - 1)),
  );
  return tokens[call]?.text.toLowerCase();
}
