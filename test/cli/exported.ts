import Database from 'better-sqlite3';
import { expect } from 'vitest';
import { EXPORT_TABLES, type ExportTable } from '../../src/cli/export/parts.js';
import { writeByAnother } from '../file.js';
import { temporaryFolder } from '../temporary.js';
import { publishedFile, pylonDb } from './command.js';

/** A value as a separate connection reads it: integers are bigints. */
export type Value = string | number | bigint | Buffer | null;

/** What tests of exports put where preimages stand. */
export const PREIMAGE = 'deadbeefsecret';

const HOSTILE_TEXTS = [
  'say "hi"',
  'a,b',
  'two\nlines',
  'two\r\nlines',
  'a\rb',
  "it's",
  '',
  ' ',
  '=1+1',
  'Grüße, 研究 🤖 \u202e',
  '\u001b[31m',
  'separators \u001e\n\u001f',
  '\u001f',
  '""',
  '007',
  '1e3',
  'x'.repeat(20_000),
];

/** The published fixture with rows that are hard to write; `blobs` too, where asked for. */
export function hostileFile({ blobs = true } = {}): string {
  const path = publishedFile(temporaryFolder());
  const job = `insert into jobs (id, kind, customer_pubkey, status, error_message, started_at, created_at)
    values (?, ?, ?, 'failed', ?, ?, 1)`;
  for (const [i, text] of HOSTILE_TEXTS.entries()) {
    writeByAnother(path, job, `job-${i} ${text}`, 2n ** 62n + BigInt(i), text, text, 1.5 + i / 10);
    writeByAnother(
      path,
      'insert into agents (npub, name, lifecycle_state, memory_json) values (?, ?, ?, ?)',
      `npub-${i}`,
      text,
      'active',
      JSON.stringify({ text }),
    );
  }
  writeByAnother(path, job, 'reals', 5, 'c', 'huge', 1e300);
  writeByAnother(path, job, 'infinite', 5, 'c', null, Number.POSITIVE_INFINITY);
  writeByAnother(path, job, 'small', -(2n ** 63n), 'c', null, 5e-324);
  if (blobs) writeByAnother(path, job, 'blob', 5, Buffer.from([0, 0x2c, 0xff]), null, 1);
  writeByAnother(path, `update earnings set preimage = '${PREIMAGE}'`);
  return path;
}

/** All tables that can be exported. */
export const TABLES: readonly ExportTable[] = EXPORT_TABLES;

/** The columns and rows of a table in their order of storage. */
export function storedTable(path: string, table: string): { columns: string[]; rows: Value[][] } {
  const db = new Database(path, { readonly: true });
  try {
    const all = db.prepare<[], Value[]>(`select * from ${table} order by rowid`);
    const columns = all.columns().map(({ name }) => name);
    return { columns, rows: all.raw().safeIntegers().all() };
  } finally {
    db.close();
  }
}

/** What a stored value must be in CSV, once read back. */
export function asCsv(value: Value): string {
  if (value === null) return '';
  return Buffer.isBuffer(value) ? value.toString('hex') : String(value);
}

/** What a stored value must be in JSON, once parsed. */
export function asJson(value: Value): string | number | null {
  if (Buffer.isBuffer(value)) return value.toString('hex');
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (typeof value !== 'bigint') return value;
  return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
}

/** What a whole export prints. */
export async function exported(path: string, ...args: readonly string[]): Promise<string> {
  const outcome = await pylonDb(['export', ...args, '--db', path]);
  expect({ ...outcome, stdout: '' }).toMatchObject({ exitCode: 0 });
  return outcome.stdout;
}
