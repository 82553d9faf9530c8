import { isMark, type SqlWord } from '../../schema/sql-tokens.js';
import type { Refusal } from '../raw-sql.js';

/** PRAGMAs that ask about what is named in their parentheses, and set nothing. */
const TAKING_A_NAME: ReadonlySet<string> = new Set([
  ...['table_info', 'table_xinfo', 'table_list', 'index_list', 'index_info', 'index_xinfo'],
  ...['foreign_key_list', 'foreign_key_check', 'integrity_check', 'quick_check'],
]);

/**
 * PRAGMAs that answer when they are given nothing; others act without a value, such as `optimize`,
 * `wal_checkpoint` and `incremental_vacuum`.
 */
const PLAIN: ReadonlySet<string> = new Set([
  ...['schema_version', 'user_version', 'application_id', 'data_version', 'journal_mode'],
  ...['encoding', 'page_size', 'page_count', 'freelist_count', 'max_page_count', 'auto_vacuum'],
  ...['compile_options', 'collation_list', 'database_list', 'function_list', 'module_list'],
  ...['pragma_list', 'foreign_keys', 'synchronous', 'cache_size', 'mmap_size', 'temp_store'],
  ...['locking_mode', 'trusted_schema', 'cell_size_check', 'recursive_triggers', 'secure_delete'],
  ...['ignore_check_constraints', 'defer_foreign_keys', 'reverse_unordered_selects'],
  ...['legacy_alter_table', 'automatic_index', 'writable_schema', 'read_uncommitted'],
  ...['wal_autocheckpoint', 'journal_size_limit', 'query_only'],
]);

/** Why a PRAGMA may not be sent; none for those that only read. */
export function refusedPragma(tokens: readonly SqlWord[]): Refusal | undefined {
  const at = isMark(tokens[2], '.') ? 3 : 1;
  const name = tokens[at]?.text.toLowerCase() ?? '';
  const next = tokens[at + 1];
  const takesName = TAKING_A_NAME.has(name);
  const isPlain = next === undefined || isMark(next, ';');
  if (takesName && (isPlain || isMark(next, '('))) return undefined;
  const reads = takesName || PLAIN.has(name);
  if (reads && isPlain) return undefined;
  return reads
    ? {
        problem: `PRAGMA ${name} can be read by a query, not set`,
        hint: takesName
          ? `Write what it asks about in parentheses: pragma ${name}(…).`
          : 'It would hold for all that share the connection. PylonDb.open sets what its options say.',
      }
    : {
        problem: `PRAGMA ${name} can't be sent as a query`,
        hint: 'Only PRAGMAs that read are answered: docs/kysely.md lists them. Settings are options of PylonDb.open.',
      };
}
