import { join } from 'node:path';
import Database from 'better-sqlite3';
import { literals, PUBLISHED_TABLES } from '../file.js';
import { migratedFile } from '../migrated-file.js';

/** Two of three jobs are deleted: so much of the file is free. */
export interface Vacuumable {
  readonly path: string;
  /** Every stored value. */
  readonly rows: Record<string, string[]>;
}

/** A migrated file in `folder` that has much to free. `jobs` is before the deletes. */
export async function vacuumable(folder: string, jobs: number): Promise<Vacuumable> {
  const path = join(folder, 'pylon.db');
  migratedFile(path);
  const db = new Database(path);
  db.exec(`
    with recursive n(i) as (select 1 union all select i + 1 from n where i < ${jobs})
      insert into jobs (id, kind, customer_pubkey, status, price_msats, started_at, created_at)
      select 'job' || i, 5100, hex(randomblob(300)), 'completed', i, i, i from n;
    insert into earnings (id, job_id, amount_msats, source, payment_hash, preimage, earned_at)
      select 'earn' || id, id, price_msats, 'job', 'hash' || id, 'secret' || id, 5 from jobs
      where created_at % 100 = 0;
    insert into agents (npub, name, lifecycle_state) values ('a', 'A', 'active');
    delete from jobs where created_at % 100 and created_at % 3;
    -- Other programs' rows: of other types, and with a gap in their numbers.
    create table theirs (value); insert into theirs values (1), ('1'), (x'31'), (null), (1.0);
    delete from theirs where rowid = 2;`);
  db.close();
  return { path, rows: valuesOf(path) };
}

/** Every value of the published tables, of others' and of the ledger, as SQL literals, in order. */
export function valuesOf(path: string): Record<string, string[]> {
  const tables = literals(path, ...PUBLISHED_TABLES, 'theirs', 'migrations');
  for (const [table, rows] of Object.entries(tables)) {
    // SQLite numbers rows anew where no INTEGER PRIMARY KEY holds their number.
    tables[table] = rows.map((row) => row.replace(/^rowid=\d+ /, ''));
  }
  return tables;
}
