import { chmodSync, copyFileSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { writeByAnother } from '../file.js';
import { temporaryFolder } from '../temporary.js';
import { publishedFile, pylonDb } from './command.js';

/** A finding as `check --json` prints it. */
export interface FoundJson {
  readonly check: string;
  readonly severity: string;
  readonly problem: string;
  readonly rows: readonly string[];
  readonly count: number;
  readonly mend: string;
  readonly repairable: boolean;
}

/** The answer of `check --json`, as far as tests look into it. */
export interface CheckJson {
  readonly ok: boolean;
  readonly findings: readonly FoundJson[];
  readonly skipped: readonly { readonly check: string; readonly reason: string }[];
  readonly repaired: readonly string[];
  readonly database: {
    readonly page_size: number;
    readonly page_count: number;
    readonly objects: readonly ObjectJson[] | null;
  } | null;
}

interface ObjectJson {
  readonly name: string;
  readonly type: string;
  readonly bytes: number;
  readonly unused_bytes: number;
}

/** Made once, and copied. */
const migrated = (async () => {
  const path = publishedFile(mkdtempSync(join(inject('runFolder'), 'migrated-')));
  await (await PylonDb.open(path)).close();
  return path;
})();

/** A migrated copy of the fixture in a folder of its own, in which another program ran `sql`. */
export async function migratedFile(sql = ''): Promise<string> {
  const path = join(temporaryFolder(), 'pylon.db');
  copyFileSync(await migrated, path);
  chmodSync(path, 0o600);
  if (sql !== '') writeByAnother(path, sql);
  return path;
}

/** What `check --json` answers; its exit code must be the one of the findings. */
export async function check(path: string, ...args: readonly string[]): Promise<CheckJson> {
  const { exitCode, stdout, stderr } = await pylonDb(['check', '--db', path, '--json', ...args]);
  if (stdout === '') throw new Error(`exit code ${exitCode}: ${stderr}`);
  const answer: CheckJson = JSON.parse(stdout);
  const wrong = answer.findings.filter(({ severity }) => severity !== 'note');
  expect(answer.ok).toBe(wrong.length === 0);
  const failed = wrong.every((finding) => finding.check === 'schema') ? 3 : 4;
  expect(exitCode).toBe(answer.ok ? 0 : failed);
  return answer;
}

/** SQL for a pending job in which one column has another value. */
export function job(column: string, value: string): string {
  const row: Record<string, string> = { id: "'j'", kind: '1', customer_pubkey: "'c'" };
  Object.assign(row, { status: "'pending'", started_at: '1700000000', [column]: value });
  return `insert into jobs (${Object.keys(row).join(', ')}) values (${Object.values(row).join(', ')})`;
}
