import { constants, copyFileSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Schema } from './contestant.js';
import { loadPylonDb } from './contestants/pylon-db.js';
import { createPublishedIndexes, createPublishedTables } from './published-schema.js';
import {
  AGENT,
  AGENTS,
  CUSTOMER,
  CUSTOMERS,
  CYCLE,
  FIRST_SECOND,
  INPUT,
  MULTIPLIERS,
  OUTPUT,
  PAYMENT,
  YEAR_SECONDS,
} from './rows.js';

function hashSql(number: string): string {
  const words = MULTIPLIERS.map((m) => `((${number}) * ${m}) & 4294967295`);
  return `printf('${'%08x'.repeat(words.length)}', ${words.join(', ')})`;
}

const statusSql = `case i % ${CYCLE} when 0 then 'pending' when 1 then 'pending'
  when 2 then 'processing' when 3 then 'processing'
  when 4 then iif(i % 20 < 10, 'failed', 'cancelled') else 'completed' end`;

function rowsSql(rows: number): string {
  const second = `(${FIRST_SECOND} + i * ${YEAR_SECONDS} / ${rows})`;
  const numbers = (count: number) =>
    `with recursive n(i) as (select 1 union all select i + 1 from n where i < ${count})`;
  const npub = (i: string) => `'npub1' || substr(${hashSql(`${AGENT} + ${i}`)}, 1, 58)`;
  return `
    ${numbers(AGENTS)} insert into agents
    select ${npub('i - 1')}, 'Agent ' || i, 'active', 1000, ${rows} / ${AGENTS}, ${FIRST_SECOND},
      null, '["earn"]', ${FIRST_SECOND} + i, ${FIRST_SECOND} + i from n;
    ${numbers(rows)}, s as (select i, ${statusSql} as status, ${second} as at from n)
    insert into jobs
    select ${hashSql('i')}, 5000 + i % 7 * 100, ${hashSql(`${CUSTOMER} + i % ${CUSTOMERS}`)},
      status, iif(status = 'completed', 1000 + i % 97 * 100, 0), ${hashSql(`${INPUT} + i`)},
      iif(status = 'completed', ${hashSql(`${OUTPUT} + i`)}, null),
      iif(status = 'failed', 'inference error', null), at + 5,
      iif(status in ('pending', 'processing'), null, at + 60), at from s;
    ${numbers(rows)} insert into earnings
    select 'earn-' || substr(${hashSql('i')}, 1, 36), iif(i % 10 < 9, ${hashSql('i')}, null),
      1000 + i % 97 * 100, iif(i % 10 < 9, 'job', iif(i % 20 < 10, 'tip', 'other')),
      ${hashSql(`${PAYMENT} + i`)}, null, ${second} + 60 from n;
    ${numbers(rows)} insert into tick_history
    select i, ${npub(`i % ${AGENTS}`)}, i / ${AGENTS} + 1, 100 + i % 900, 50 + i % 400,
      '["Post","Zap"]', 5, 1200 + i % 800, ${second} from n;`;
}

/**
 * The databases of one run: for each number of rows in jobs, earnings and ticks one file on the
 * published schema and one on ours, made once; contestants get copies.
 */
export class Datasets {
  readonly #folder: string;
  #copies = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** A new copy that the caller may write to. */
  async copy(rows: number, schema: Schema): Promise<string> {
    const path = join(this.#folder, `copy-${++this.#copies}.db`);
    copyFileSync(await this.#original(rows, schema), path, constants.COPYFILE_FICLONE);
    return path;
  }

  /** Removes a copy that is no longer open. */
  remove(path: string): void {
    for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
  }

  async #original(rows: number, schema: Schema): Promise<string> {
    const path = join(this.#folder, `${schema}-${rows}.db`);
    if (existsSync(path)) return path;
    if (schema === 'published') {
      createPublished(path, rows);
    } else {
      copyFileSync(await this.#original(rows, 'published'), path, constants.COPYFILE_FICLONE);
      const { PylonDb } = await loadPylonDb();
      const db = await PylonDb.open(path);
      await db.close();
    }
    return path;
  }
}

/** What the keys' indexes take: new keys fall anywhere in them. */
const KIB_A_ROW = 0.25;

function createPublished(path: string, rows: number): void {
  const db = new Database(path);
  db.pragma('journal_mode = off');
  db.pragma('synchronous = off');
  db.pragma('temp_store = memory');
  db.pragma(`cache_size = -${Math.round(KIB_A_ROW * rows)}`);
  db.exec(createPublishedTables);
  db.exec(`begin;${rowsSql(rows)}commit;${createPublishedIndexes}`);
  db.pragma('journal_mode = wal');
  db.close();
}
