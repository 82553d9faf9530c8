import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { expect } from 'vitest';
import type { PylonDb } from '../../src/index.js';
import { stored, writeByAnother } from '../file.js';
import { freshTotals, rollupTotals } from './fresh-aggregate.js';

/** The published tables whose triggers keep totals. */
export type CountedTable = 'jobs' | 'earnings';

/** SQLite's own recipe for changing a table, its indexes included: statements, in their order. */
export function rebuildRecipe(path: string, table: CountedTable): string[] {
  const db = new Database(path, { readonly: true });
  try {
    const [definition = ''] = db
      .prepare<[string], string>('select sql from sqlite_master where name = ?')
      .pluck()
      .all(table);
    return [
      definition.replace(/(create table )"?\w+"?/i, `$1new_${table}`),
      `insert into new_${table} select * from ${table}`,
      `drop table ${table}`,
      `alter table new_${table} rename to ${table}`,
      ...db
        .prepare<[string], string>(
          "select sql from sqlite_master where type = 'index' and tbl_name = ? and name like 'idx%'",
        )
        .pluck()
        .all(table),
    ];
  } finally {
    db.close();
  }
}

/** Rebuilds a table as another program does, in one transaction. */
export function rebuildByAnother(path: string, table: CountedTable): void {
  writeByAnother(path, `begin; ${rebuildRecipe(path, table).join('; ')}; commit`);
}

/** Our objects in the file, each with its table. */
export function objectNames(path: string): string[] {
  return namesLike(path, 'pylon_db_%');
}

/** The published indexes in the file, each with its table. */
export function publishedIndexes(path: string): string[] {
  return namesLike(path, 'idx_%');
}

function namesLike(path: string, pattern: string): string[] {
  const rows = stored(
    path,
    `select type || ' ' || name || ' on ' || tbl_name as object from sqlite_master
     where name like ? order by 1`,
    pattern,
  );
  return rows.flatMap((row) => Object.values(row).map(String));
}

/** Waits until another process has done something; the test's own limit ends it. */
export async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) await sleep(20);
}

/** Whether the kept totals equal what the rows give, counted by the test itself. */
export function expectKeptTotals(path: string): void {
  const db = new Database(path, { readonly: true });
  try {
    expect(rollupTotals(db)).toEqual(freshTotals(db));
  } finally {
    db.close();
  }
}

/** Whether the answers equal what the rows give. */
export async function expectRightAnswers(
  path: string,
  { jobs, earnings }: Pick<PylonDb, 'jobs' | 'earnings'>,
  step = '',
): Promise<void> {
  const file = new Database(path, { readonly: true });
  const fresh = freshTotals(file);
  file.close();
  const { job = 0n, tip = 0n, other = 0n } = fresh.amounts;
  expect(await earnings.total(), step).toBe(Number(job + tip + other));
  const { by_source, job_count } = await earnings.summary();
  expect({ by_source, job_count }, step).toEqual({
    by_source: { job: Number(job), tip: Number(tip), other: Number(other) },
    job_count: Number(fresh.paidJobs),
  });
  const { invalid: _, ...counts } = fresh.jobs;
  expect(await jobs.countByStatus(), step).toEqual(
    Object.fromEntries(Object.entries(counts).map(([status, count]) => [status, Number(count)])),
  );
}
