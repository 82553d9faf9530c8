import { sql } from 'kysely';
import type { Queries } from './query.js';

const NAMES = [
  ...['table_info(notes)', 'table_xinfo(gen)', 'index_list(notes)', 'foreign_key_list(casc)'],
  ...['index_info(sqlite_autoindex_notes_1)', 'foreign_key_check', 'integrity_check'],
  ...['quick_check(notes)', 'user_version', 'application_id', 'journal_mode', 'encoding'],
  ...['page_size', 'foreign_keys', 'auto_vacuum', 'compile_options', 'collation_list'],
];

/** PRAGMAs that read, each under its own name. */
export const PRAGMAS: Queries = Object.fromEntries(
  NAMES.map((name) => [`pragma ${name}`, (k) => sql.raw(`pragma ${name}`).execute(k)]),
);
