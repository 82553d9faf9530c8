import { PylonDbError } from '../errors.js';

// Leading blanks and comments, then the first word.
const FIRST_WORD = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/|;)*([a-z]+)/i;

const TRANSACTION_CONTROL = new Set([
  'BEGIN',
  'COMMIT',
  'END',
  'ROLLBACK',
  'SAVEPOINT',
  'RELEASE',
  'ATTACH',
  'DETACH',
  'START',
  'ABORT',
  'SET',
  'RESET',
  'DISCARD',
  'LISTEN',
  'PREPARE',
  'DEALLOCATE',
]);

/** Statements that the builder made and that can share a transaction with others. */
const SHARING_NODES = new Set(['InsertQueryNode', 'UpdateQueryNode', 'DeleteQueryNode']);

/** The first keyword of a statement, in upper case. */
export function firstKeyword(sql: string): string {
  return FIRST_WORD.exec(sql)?.[1]?.toUpperCase() ?? '';
}

/**
 * Throws `NOT_SUPPORTED` for SQL that would open, end or escape a transaction behind the queue's
 * back, or that would hold for one of the connections only.
 */
export function refuseTransactionControl(sql: string): void {
  const keyword = firstKeyword(sql);
  if (!TRANSACTION_CONTROL.has(keyword)) return;
  throw new PylonDbError(
    'NOT_SUPPORTED',
    `${keyword} can't be sent as a query`,
    {},
    {
      operation: '',
      hint: 'Use db.transaction(async tx => …): it owns BEGIN, COMMIT and ROLLBACK.',
    },
  );
}

/** Whether a statement must have the connection for itself: raw SQL, DDL. */
export function isStandAlone(nodeKind: string): boolean {
  return !SHARING_NODES.has(nodeKind);
}

/** Whether a statement only asks: it may run on the reader. */
export function isQuestion(sql: string): boolean {
  const keyword = firstKeyword(sql);
  return (
    keyword === 'SELECT' || keyword === 'WITH' || keyword === 'VALUES' || keyword === 'EXPLAIN'
  );
}
